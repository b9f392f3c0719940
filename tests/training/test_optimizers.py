from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_s2s.training.optimizers import CompiledAdam

GENERATOR = np.random.default_rng(3)
START = [GENERATOR.normal(size=shape).astype("float32") for shape in ((6, 4), (4,), (5, 3))]
OPTIONS = [
    {},
    {"beta_2": 0.98, "global_clipnorm": 1.0},
    {"weight_decay": 0.01, "clipvalue": 0.5, "amsgrad": True},
]


@pytest.fixture(scope="module", autouse=True)
def compiled(compiled_adam: Callable[[], AbstractContextManager]) -> Iterator[None]:
    with compiled_adam():
        yield


def gradients(step: int) -> list[Any]:
    """Gradients of a step: the first weight's is that of some of its rows."""
    generator = np.random.default_rng(step)
    rows = tf.IndexedSlices(
        tf.constant(generator.normal(size=(step + 1, 4)), "float32"),
        tf.constant(generator.integers(6, size=step + 1)),
        tf.constant([6, 4]),
    )
    return [rows, *(tf.constant(generator.normal(size=w.shape), "float32") for w in START[1:])]


def trained(kind: Any, options: dict[str, Any], in_graph: bool) -> tuple[list[Any], Any]:
    weights = [keras.Variable(value) for value in START]
    optimizer = kind(0.05, **options)
    optimizer.build(weights)
    spec = [
        tf.IndexedSlicesSpec([6, 4], tf.float32, tf.int64, tf.int32),
        *map(tf.TensorSpec, ([4], [5, 3])),
    ]
    compiled = tf.function(lambda given: optimizer.apply(given, weights), input_signature=[spec])
    for step in range(5):
        optimizer.learning_rate = 0.05 / (step + 1)
        given = gradients(step)
        if kind is keras.optimizers.Adam:  # It would square the rows' gradients before their sum.
            given[0] = tf.convert_to_tensor(given[0])
        if in_graph:
            compiled(given)
        else:
            optimizer.apply(given, weights)
    return [np.asarray(w) for w in weights], optimizer


@pytest.mark.parametrize("in_graph", [False, True], ids=["eager", "graph"])
@pytest.mark.parametrize("options", OPTIONS, ids=["plain", "clipped", "decay"])
def test_the_numbers_are_those_of_keras_adam(options: dict[str, Any], in_graph: bool) -> None:
    expected, plain = trained(keras.optimizers.Adam, options, in_graph=False)
    actual, compiled = trained(CompiledAdam, options, in_graph)
    assert compiled._update is not None
    for a, b, start in zip(actual, expected, START, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
        assert np.abs(b - start).max() > 0.01
    assert int(compiled.iterations) == int(plain.iterations) == 5


def test_rows_of_any_number_are_compiled_once() -> None:
    _, optimizer = trained(CompiledAdam, {}, in_graph=False)
    assert optimizer._update.experimental_get_tracing_count() == 1


@pytest.mark.parametrize("in_graph", [False, True], ids=["eager", "graph"])
def test_the_average_forgets_the_first_weights_and_ends_at_its_momentum(in_graph: bool) -> None:
    weight = keras.Variable(START[1])
    optimizer = CompiledAdam(0.1, use_ema=True, ema_momentum=0.6)
    optimizer.build([weight])
    apply = tf.function(lambda g: optimizer.apply([g], [weight]))
    average = START[1]
    for step in range(30):
        gradient = tf.constant(np.random.default_rng(step).normal(size=4), "float32")
        apply(gradient) if in_graph else optimizer.apply([gradient], [weight])
        momentum = min(0.6, step / (step + 9))
        average = momentum * average + (1 - momentum) * np.asarray(weight)
    optimizer.finalize_variable_values([weight])  # The average takes the weight's place.
    np.testing.assert_allclose(weight, average, rtol=1e-5, atol=1e-6)


def test_a_weight_without_gradient_stays_as_with_keras() -> None:
    weights = [keras.Variable(value) for value in START[:2]]
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        CompiledAdam(0.1).apply([None, tf.ones(4)], weights)
    np.testing.assert_array_equal(weights[0], START[0])
    np.testing.assert_allclose(weights[1], START[1] - 0.1, atol=1e-5)


def test_gradients_of_some_variables_or_in_another_order_reach_their_own() -> None:
    first, second = keras.Variable(START[1]), keras.Variable(START[1])
    optimizer = CompiledAdam(0.1)
    optimizer.build([first, second])
    optimizer.apply([tf.ones(4)], [second])
    np.testing.assert_array_equal(first, START[1])
    np.testing.assert_allclose(second, START[1] - 0.1, atol=1e-5)
    optimizer.apply([tf.ones(4), -tf.ones(4)], [second, first])
    assert np.all(first > START[1]) and np.all(second < START[1] - 0.15)


def test_a_model_trains_with_it_saves_it_and_goes_on(tmp_path: Any) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile(CompiledAdam(0.05, use_ema=True), loss="mse")
    x = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
    y = x @ np.array([[1.0], [-2.0], [0.5]], "float32")
    first = model.fit(x, y, epochs=3, verbose=0).history["loss"]
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(again.optimizer, CompiledAdam) and int(again.optimizer.iterations) == 6
    assert again.fit(x, y, epochs=3, verbose=0).history["loss"][-1] < first[-1] < first[0]


def test_accumulated_gradients_are_those_of_keras() -> None:
    weights = []
    for make in (CompiledAdam, keras.optimizers.Adam):
        weight = keras.Variable(START[1])
        optimizer = make(0.1, gradient_accumulation_steps=2, global_clipnorm=1.0)
        for gradient in (tf.ones(4), -2 * tf.ones(4), tf.ones(4)):
            optimizer.apply([gradient], [weight])
        weights.append(np.asarray(weight))
    np.testing.assert_allclose(*weights, atol=1e-6)
    assert np.abs(weights[0] - START[1]).max() > 0.05


def test_under_a_distribution_strategy_it_is_keras_adam() -> None:
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    with strategy.scope():
        weight = keras.Variable(START[1])
        optimizer = CompiledAdam(0.1)
        optimizer.build([weight])
    strategy.run(lambda: optimizer.apply([tf.ones(4)], [weight]))
    assert optimizer._update is None
    np.testing.assert_allclose(weight, START[1] - 0.1, atol=1e-5)

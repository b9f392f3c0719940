from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_s2s.training.losses import MaskedCrossentropy, token_crossentropy

TARGET = np.array([[5, 2, 3, 0], [4, 3, 0, 0]])
REAL = TARGET != 0
VOCABULARY = 7


def make_logits(*shape: int, scale: float = 3.0) -> np.ndarray:
    return np.random.default_rng(1).normal(scale=scale, size=shape).astype("float32")


def in_numpy(target: np.ndarray, logits: np.ndarray, smoothing: float) -> np.ndarray:
    logits = logits.astype("float64")
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    size = logits.shape[-1]
    label = (1 - smoothing) * np.eye(size)[target] + smoothing / size
    return -(label * np.log(probabilities)).sum(-1)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_each_token_costs_what_the_equation_says(smoothing: float) -> None:
    logits = make_logits(2, 4, VOCABULARY)
    losses = token_crossentropy(TARGET, logits, smoothing)
    np.testing.assert_allclose(losses, in_numpy(TARGET, logits, smoothing), atol=1e-5)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_gradient_that_is_written_down_is_the_one_of_the_equation(smoothing: float) -> None:
    logits = tf.constant(make_logits(2, 4, VOCABULARY))
    weights = tf.constant(np.random.default_rng(2).normal(size=(2, 4)), "float32")
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        ours = tf.reduce_sum(weights * token_crossentropy(tf.constant(TARGET), logits, smoothing))
        label = (1 - smoothing) * tf.one_hot(TARGET, VOCABULARY) + smoothing / VOCABULARY
        theirs = tf.reduce_sum(
            weights * tf.nn.softmax_cross_entropy_with_logits(label, logits, axis=-1)
        )
    made: Any = tape.gradient(ours, logits)
    expected: Any = tape.gradient(theirs, logits)
    np.testing.assert_allclose(made, expected, atol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_loss_is_the_mean_over_real_tokens(smoothing: float) -> None:
    logits = make_logits(2, 4, VOCABULARY)
    loss = MaskedCrossentropy(smoothing)(TARGET, logits)
    expected = in_numpy(TARGET, logits, smoothing)[REAL].mean()
    assert float(loss) == pytest.approx(expected, abs=1e-5)


@settings(max_examples=30)
@given(padding=st.integers(0, 4), rows=st.integers(0, 3), seed=st.integers(0, 99))
def test_padding_changes_neither_the_loss_nor_its_gradient(
    padding: int, rows: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(2 + rows, 4 + padding, VOCABULARY)).astype("float32")
    target = np.zeros(logits.shape[:2], int)
    target[:2, :4] = TARGET
    results = []
    for y_true, y_pred in ((target, logits), (TARGET, logits[:2, :4])):
        y_pred = tf.constant(y_pred)
        with tf.GradientTape() as tape:
            tape.watch(y_pred)
            loss = MaskedCrossentropy(0.1)(y_true, y_pred)
        results.append((float(loss), np.asarray(tape.gradient(loss, y_pred))))
    (loss, gradient), (alone, alone_gradient) = results
    assert loss == pytest.approx(alone, abs=1e-6)
    np.testing.assert_allclose(gradient[:2, :4], alone_gradient, atol=1e-6)
    assert not gradient[target == 0].any()


def test_a_batch_without_real_tokens_costs_nothing() -> None:
    logits = tf.constant(make_logits(2, 3, VOCABULARY))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = MaskedCrossentropy()(np.zeros((2, 3), int), logits)
    assert float(loss) == 0
    assert not np.asarray(tape.gradient(loss, logits)).any()


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_the_largest_logits_give_finite_losses_and_gradients(dtype: str) -> None:
    logits = tf.constant([[[6e4, -6e4, 0, 6e4]] * 2], dtype)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        losses = token_crossentropy(tf.constant([[0, 1]]), logits)
    gradient = tape.gradient(losses, logits)
    assert losses.dtype == tf.float32 and gradient.dtype == logits.dtype
    assert np.asarray(losses)[0] == pytest.approx([np.log(2), 1.2e5], rel=0.01)
    assert np.asarray(gradient, "float32").tolist() == [[[-0.5, 0, 0, 0.5], [0.5, -1, 0, 0.5]]]


def test_smoothing_costs_most_where_the_model_is_too_sure() -> None:
    sure, modest = (np.array([[[0, x, 0, 0]]], "float32") for x in (50, 4))
    target = np.array([[1]])
    assert float(MaskedCrossentropy()(target, sure)) < float(MaskedCrossentropy()(target, modest))
    smooth = MaskedCrossentropy(0.1)
    assert float(smooth(target, sure)) > float(smooth(target, modest))


@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_it_compiles_for_unknown_sizes(jit_compile: bool) -> None:
    compiled = tf.function(
        MaskedCrossentropy(0.1),
        input_signature=[tf.TensorSpec([None, None], "int32"), tf.TensorSpec([None, None, 7])],
        jit_compile=jit_compile,
    )
    logits = make_logits(2, 4, VOCABULARY)
    expected = in_numpy(TARGET, logits, 0.1)[REAL].mean()
    assert float(compiled(TARGET.astype("int32"), logits)) == pytest.approx(expected, abs=1e-5)


def test_its_config_makes_it_again() -> None:
    loss = MaskedCrossentropy(0.3, name="nats")
    again: Any = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert (again.label_smoothing, again.name) == (0.3, "nats")


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, float("nan")])
def test_a_smoothing_that_is_no_probability_is_refused(smoothing: float) -> None:
    with pytest.raises(ValueError, match=f"Received: label_smoothing={smoothing}"):
        MaskedCrossentropy(smoothing)

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_s2s.layers.decoder import Decoder
from keras_s2s.layers.luong import LuongAttention
from keras_s2s.layers.scheduled_sampling import ScheduledSampling

VOCABULARY, UNITS = 9, 6
NEVER: dict[str, Any] = {"decay": "linear", "k": 1.0}  # To sample.
ALWAYS: dict[str, Any] = {"decay": "linear", "k": 0.0}
TARGET_IN = np.array([[2, 5, 6, 7, 8], [2, 8, 4, 0, 0], [2, 0, 0, 0, 0]])


def make(**options: Any) -> tuple[Any, tuple]:
    """A decoder with random weights, and what it reads."""
    keras.utils.set_random_seed(4)
    generator = np.random.default_rng(4)
    decoder = Decoder(
        VOCABULARY,
        UNITS,
        attention=LuongAttention(UNITS, local=options.pop("local", None), window=1),
        input_feeding=options.pop("input_feeding", False),
        scheduled_sampling=ScheduledSampling(**options) if options else None,
    )
    memory = tf.constant(generator.normal(size=(3, 4, 5)), "float32")
    read = [(memory[:, 0], memory[:, 1])], memory, tf.constant(np.ones((3, 4), bool))
    decoder(TARGET_IN, *read)
    for weight in decoder.trainable_variables:
        weight.assign(generator.normal(size=weight.shape))
    return decoder, read


def fed_back(decoder: Decoder, read: tuple) -> np.ndarray:
    """What a greedy search reads, padded as the target is; neither padding nor start is chosen."""
    state, memory, mask = read
    now, keys = decoder.initial_state(state), decoder.attention.project(memory)
    token, tokens = TARGET_IN[:, 0], []
    for given in TARGET_IN.T:
        tokens.append(np.where(given == 0, 0, token))
        logits, now, _ = decoder.step(tf.constant(tokens[-1]), now, keys, memory, mask)
        token = np.where(np.isin(np.arange(VOCABULARY), [0, 2]), -np.inf, logits).argmax(-1)
    return np.stack(tokens, 1)


@pytest.mark.parametrize("options", [{}, {"input_feeding": True}, {"local": "monotonic"}])
def test_where_nothing_is_given_it_trains_on_what_a_greedy_search_reads(
    options: dict[str, Any],
) -> None:
    decoder, read = make(**ALWAYS, **options)
    own = fed_back(decoder, read)
    assert (own != TARGET_IN).any()
    logits = decoder(TARGET_IN, *read, training=True)
    np.testing.assert_allclose(logits, decoder(own, *read), atol=1e-5)


def test_where_all_is_given_it_is_teacher_forcing() -> None:
    decoder, read = make(**NEVER)
    logits = decoder(TARGET_IN, *read, training=True)
    np.testing.assert_allclose(logits, decoder(TARGET_IN, *read), atol=1e-5)


def test_outside_training_nothing_is_sampled_and_no_step_counted() -> None:
    decoder, read = make(**ALWAYS)
    plain, _ = make()
    plain.set_weights([w for w in decoder.get_weights() if w.shape])  # All but the step.
    np.testing.assert_allclose(decoder(TARGET_IN, *read), plain(TARGET_IN, *read), atol=1e-6)
    assert int(decoder.scheduled_sampling.step_count) == 0


def test_each_token_is_given_with_the_probability_of_the_step() -> None:
    sampling = ScheduledSampling("linear", k=0.9, c=0.1)
    target_in = np.full((300, 20), 5)
    shares = []
    for step in range(3):
        chosen = np.asarray(
            sampling.choose(target_in, (), lambda token, state: (always_six(token), state))
        )
        assert set(np.unique(chosen)) == {5, 6} and (chosen[:, 0] == 5).all()
        shares.append((chosen[:, 1:] == 5).mean())
        assert (chosen[:, 1:] == 5).mean(0).std() < 0.05  # Each token by itself,
        assert (chosen[:, 1:] == 5).mean(1).std() > 0.05  # not a sentence as a whole.
        assert int(sampling.step_count) == step + 1
    np.testing.assert_allclose(shares, [0.9, 0.8, 0.7], atol=0.02)


def always_six(token: Any) -> Any:
    return tf.one_hot(tf.fill(tf.shape(token), 6), VOCABULARY) * 10.0


def test_a_sampled_answer_is_drawn_from_the_distribution_of_the_model() -> None:
    sampling = ScheduledSampling(**ALWAYS, sampled=True)
    logits = np.array([9, 1, 9, 0, 2, -1, -np.inf, 0.5, 1], "float32")
    chosen = sampling.choose(
        np.full((4000, 6), 5),
        (),
        lambda token, state: (tf.constant(np.tile(logits, [4000, 1])), state),
    )
    drawn = np.asarray(chosen)[:, 1:].ravel()
    expected = np.where(np.isin(np.arange(VOCABULARY), [0, 2]), 0, np.exp(logits))
    found = np.bincount(drawn, minlength=VOCABULARY) / len(drawn)
    np.testing.assert_allclose(found, expected / expected.sum(), atol=0.012)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"decay": "linear", "k": 1.0, "c": 1e-3, "minimum": 0.25}, [1, 0.9, 0.5, 0.25, 0.25]),
        ({"decay": "exponential", "k": 0.999}, [1, 0.999**100, 0.999**500, 0.999**1000, 0]),
        (
            {"decay": "inverse_sigmoid", "k": 100},
            [100 / 101, 100 / (100 + np.e), 100 / (100 + np.e**5), 100 / (100 + np.e**10), 0],
        ),
    ],
)
def test_the_probability_follows_the_equations_of_the_paper(
    options: dict[str, Any], expected: list[float]
) -> None:
    sampling = ScheduledSampling(**options)
    steps = [0, 100, 500, 1000, 10**6]
    found = [float(sampling.probability(step)) for step in steps]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_the_step_is_saved_and_goes_on_where_it_stopped() -> None:
    decoder, read = make(decay="exponential", k=0.99)
    for _ in range(3):
        decoder(TARGET_IN, *read, training=True)
    again: Any = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(decoder))
    again.set_weights(decoder.get_weights())
    again(TARGET_IN, *read, training=True)
    assert int(again.scheduled_sampling.step_count) == 4
    assert again.scheduled_sampling.get_config() == decoder.scheduled_sampling.get_config()


def test_the_gradient_is_that_of_the_tokens_that_were_read() -> None:
    decoder, read = make(**ALWAYS)
    own = fed_back(decoder, read)
    gradients = []
    for tokens, training in ((TARGET_IN, True), (own, False)):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.sin(decoder(tokens, *read, training=training)))
        weights = [w.value for w in decoder.trainable_variables]
        gradients.append([tf.convert_to_tensor(g) for g in tape.gradient(loss, weights)])
    for a, b in zip(*gradients, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "received"),
    [
        ({"decay": "cosine", "k": 1}, "decay='cosine'"),
        ({"decay": "linear", "k": 1.5}, "k=1.5"),
        ({"decay": "linear", "k": 1, "c": -0.1}, "c=-0.1"),
        ({"decay": "linear", "k": 1, "minimum": 2}, "minimum=2"),
        ({"decay": "exponential", "k": 1.01}, "k=1.01"),
        ({"decay": "exponential", "k": 0.9, "c": 0.1}, "decay='exponential', c=0.1"),
        ({"decay": "inverse_sigmoid", "k": 0.5}, "k=0.5"),
        ({"decay": "inverse_sigmoid", "k": float("nan")}, "k=nan"),
    ],
)
def test_a_bad_argument_is_refused_with_what_was_received(
    options: dict[str, Any], received: str
) -> None:
    with pytest.raises(ValueError, match=f"Received: .*{received}"):
        ScheduledSampling(**options)

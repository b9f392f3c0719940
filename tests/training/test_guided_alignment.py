"""Guided alignment: the loss, and the model that returns its attention weights."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_s2s import (
    BahdanauAttention,
    Decoder,
    Encoder,
    LuongAttention,
    MaskedCrossentropy,
    Seq2Seq,
)
from keras_s2s.training.guided_alignment import GuidedAlignment, with_attention

from ..budget import first

SOURCE = np.array([[5, 6, 7, 3], [8, 3, 0, 0]])
TARGET_IN = np.array([[2, 5, 6], [2, 7, 0]])
TARGET_OUT = np.array([[5, 6, 3], [7, 3, 0]])
ALIGNMENT = np.zeros((2, 3, 4), "float32")
ALIGNMENT[0, 0, 1] = ALIGNMENT[1, 0, 0] = 1
ALIGNMENT[0, 1, :2] = 0.5
KINDS: dict[str, dict[str, Any]] = {
    "luong": {"attention": lambda dtype: LuongAttention(6, dtype=dtype)},
    "fed": {"attention": lambda dtype: LuongAttention(6, dtype=dtype), "input_feeding": True},
    "bahdanau": {"attention": lambda dtype: BahdanauAttention(4, dtype=dtype)},
    "local": {"attention": lambda _: LuongAttention(6, local="predictive", window=2)},
}


def make(kind: str, dtype: str = "float32") -> Seq2Seq:
    keras.utils.set_random_seed(1)
    options = dict(KINDS[kind])
    attention = options.pop("attention")(dtype)
    decoder = Decoder(10, 6, attention=attention, dtype=dtype, **options)
    return Seq2Seq(Encoder(10, 6, dtype=dtype), decoder)


def slow_loss(given: np.ndarray, weights: np.ndarray) -> float:
    """Token by token."""
    found, count = 0.0, 0
    for row, seen in zip(given.reshape(-1, 4), weights.reshape(-1, 4), strict=True):
        count += row.sum() > 0
        found -= sum(a * np.log(max(b, 1e-7)) for a, b in zip(row, seen, strict=True))
    return found / count


def test_the_loss_is_the_mean_over_the_aligned_tokens() -> None:
    weights = np.random.default_rng(1).dirichlet(np.ones(4), (2, 3)).astype("float32")
    expected = slow_loss(ALIGNMENT, weights)
    assert float(GuidedAlignment()(ALIGNMENT, weights)) == pytest.approx(expected, rel=1e-5)
    assert float(GuidedAlignment(0.3)(ALIGNMENT, weights)) == pytest.approx(0.3 * expected)
    assert float(GuidedAlignment()(0.5 * ALIGNMENT, weights)) == pytest.approx(0.5 * expected)
    assert float(GuidedAlignment()(0 * ALIGNMENT, weights)) == 0
    assert float(GuidedAlignment()(ALIGNMENT, 0 * weights)) == pytest.approx(16.118, abs=1e-3)
    # What is not aligned changes nothing.
    weights[:, 2] = 0.25
    assert float(GuidedAlignment()(ALIGNMENT, weights)) == pytest.approx(expected, rel=1e-5)


def test_its_config_makes_it_again_and_a_bad_weight_is_refused() -> None:
    loss = GuidedAlignment(0.5)
    again = GuidedAlignment.from_config(loss.get_config())
    assert (again.weight, again.name) == (0.5, "guided_alignment")
    for weight in (-1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="`weight` must be at least 0 and finite"):
            GuidedAlignment(weight)
    with pytest.raises(ValueError, match="a model without attention has none"):
        with_attention(Seq2Seq(Encoder(9, 4), Decoder(9, 4)))


@pytest.mark.parametrize("kind", KINDS)
def test_the_weights_are_those_of_the_steps_and_their_gradient_the_automatic_one(
    kind: str,
) -> None:
    model = make(kind)
    guided = with_attention(model)
    logits, weights = guided((SOURCE, TARGET_IN))
    np.testing.assert_allclose(logits, model((SOURCE, TARGET_IN)), atol=1e-6)
    memory, mask, encoder_state = model.encoder(SOURCE)
    decoder = model.decoder
    state, keys = decoder.initial_state(encoder_state, memory), decoder.attention.project(memory)
    for position in range(3):
        token = TARGET_IN[:, position]
        _, state, expected = decoder.step(token, state, keys, memory, mask)
        np.testing.assert_allclose(weights[:, position], expected, atol=1e-6)

    def gradients(training: bool) -> list[Any]:
        with tf.GradientTape() as tape:
            _, seen = guided((SOURCE, TARGET_IN), training=training)
            loss = GuidedAlignment()(ALIGNMENT, seen)
        variables = [one.value for one in guided.trainable_variables]
        found = tape.gradient(loss, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return [tf.convert_to_tensor(one) for one in found]

    # In training the scan has a gradient of its own.
    automatic = gradients(False)
    for ours, theirs in zip(gradients(True), automatic, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert sum(bool(np.any(one)) for one in automatic) > len(automatic) / 2


@pytest.mark.parametrize("dtype", first(1, ["float32", "mixed_float16"]))
def test_training_it_trains_the_model_that_it_was_made_of(dtype: str) -> None:
    model = make("fed", dtype)
    guided = with_attention(model)
    assert [one is other for one, other in zip(guided.weights, model.weights, strict=True)]
    optimizer = keras.optimizers.Adam(0.05, gradient_accumulation_steps=2)
    guided.compile(optimizer, loss=[MaskedCrossentropy(), GuidedAlignment()])
    assert ("LossScale" in type(guided.optimizer).__name__) == (dtype == "mixed_float16")
    data = tf.data.Dataset.from_tensors(((SOURCE, TARGET_IN), (TARGET_OUT, ALIGNMENT))).repeat(60)
    history = guided.fit(data, verbose=0, shuffle=False).history
    assert np.isfinite(history["loss"]).all()
    _, weights = guided((SOURCE, TARGET_IN))
    assert slow_loss(ALIGNMENT, np.asarray(keras.ops.cast(weights, "float32"))) < 0.8
    logits = np.asarray(keras.ops.cast(model((SOURCE, TARGET_IN)), "float32"))
    assert (logits.argmax(-1)[TARGET_OUT > 0] == TARGET_OUT[TARGET_OUT > 0]).all()


def test_weights_of_pairs_scale_the_losses_of_their_tokens() -> None:
    generator = np.random.default_rng(1)
    given = np.eye(3, dtype="float32")[generator.integers(0, 3, (2, 4))]
    found = generator.dirichlet(np.ones(3), (2, 4)).astype("float32")
    weights = np.array([2.0, 0.5], "float32")
    losses = -np.log((given * found).sum(-1))
    expected = (weights[:, None] * losses).sum() / losses.size
    assert float(GuidedAlignment()(given, found, weights)) == pytest.approx(expected, rel=1e-5)

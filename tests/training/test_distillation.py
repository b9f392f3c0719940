"""The loss of distillation is the cross-entropy against the given distributions."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_s2s.training.distillation import DistilledCrossentropy
from keras_s2s.training.losses import MaskedCrossentropy

VOCABULARY = 7
IDS = np.array([[[5, 2, 0], [3, 1, 6], [0, 0, 0]], [[4, 0, 3], [2, 5, 3], [3, 4, 5]]])
SHARES = np.array(
    [
        [[0.5, 0.2, 0.1], [0.9, 0.0, 0.1], [0, 0, 0]],
        [[0.1, 0.3, 0.4], [0.2, 0.3, 0.5], [0.0, 0.0, 0.25]],
    ]
)
REAL = IDS[..., 0] != 0
GIVEN = np.stack([IDS, SHARES], axis=-2).astype("float32")


def make_logits(scale: float = 3.0) -> np.ndarray:
    shape = (*IDS.shape[:2], VOCABULARY)
    return np.random.default_rng(1).normal(scale=scale, size=shape).astype("float32")


def whole_distributions() -> np.ndarray:
    """The distributions over all ids, `[B, T, V]`, with the rest in equal parts."""
    listed = (SHARES[..., None] * np.eye(VOCABULARY)[IDS]).sum(axis=2)
    return listed + (1 - SHARES.sum(axis=-1, keepdims=True)) / VOCABULARY


def test_the_loss_is_the_mean_over_real_tokens_of_the_equation() -> None:
    logits = make_logits()
    logs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    expected = -(whole_distributions() * logs).sum(axis=-1)[REAL].mean()
    assert float(DistilledCrossentropy()(GIVEN, logits)) == pytest.approx(expected, abs=1e-5)


def test_the_gradient_is_the_one_of_the_equation() -> None:
    logits = tf.constant(make_logits())
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        ours = DistilledCrossentropy()(GIVEN, logits)
        losses = tf.nn.softmax_cross_entropy_with_logits(
            tf.constant(whole_distributions(), "float32"), logits, axis=-1
        )
        theirs = tf.reduce_mean(tf.boolean_mask(losses, REAL))
    made: Any = tape.gradient(ours, logits)
    expected: Any = tape.gradient(theirs, logits)
    np.testing.assert_allclose(made, expected, atol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_labels_alone_give_the_usual_loss(smoothing: float) -> None:
    target = IDS[..., 0]
    shares = np.zeros(IDS.shape) + [1 - smoothing, 0, 0]
    given = np.stack([IDS, shares * REAL[..., None]], axis=-2).astype("float32")
    weights = np.array([0.5, 2.0], "float32")
    logits = make_logits()
    usual = MaskedCrossentropy(smoothing)(target, logits, weights)
    assert float(DistilledCrossentropy()(given, logits, weights)) == pytest.approx(float(usual))


def test_padding_alone_costs_nothing() -> None:
    assert float(DistilledCrossentropy()(np.zeros_like(GIVEN), make_logits())) == 0


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_logits_of_a_lower_precision_are_computed_in_float32(dtype: str) -> None:
    logits = keras.ops.cast(make_logits(), dtype)
    loss = DistilledCrossentropy()(GIVEN, logits)
    exact = DistilledCrossentropy()(GIVEN, keras.ops.cast(logits, "float32"))
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    assert float(loss) == pytest.approx(float(exact), abs=1e-6)


def test_the_loss_is_saved_with_a_model() -> None:
    loss = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(DistilledCrossentropy("name"))
    )
    assert isinstance(loss, DistilledCrossentropy)
    assert loss.name == "name"

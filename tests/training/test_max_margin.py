"""Contrastive learning: the loss of pairs in two halves of a batch, against NumPy."""

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_s2s import Decoder, Encoder, LuongAttention, MaxMargin, Seq2Seq

TARGET = np.array(
    [[5, 6, 7, 3], [8, 3, 0, 0], [6, 4, 3, 0], [5, 7, 3, 0], [0, 0, 0, 0], [4, 3, 0, 0]], "int32"
)
LOGITS = np.random.default_rng(1).normal(0, 2, (6, 4, 9)).astype("float32")


def slow_loss(target: Any, logits: Any, margin: float, weights: Any = None) -> float:
    """Pair by pair and token by token."""
    half = len(target) // 2

    def log_probability(row: int) -> float:
        found = 0.0
        for token, values in zip(target[row], np.asarray(logits[row], "float64"), strict=True):
            found += (values[token] - np.log(np.exp(values).sum())) * (token != 0)
        return found

    pairs = [row for row in range(half) if target[row + half].any()]
    losses = [
        max(0.0, log_probability(row + half) + margin - log_probability(row))
        * (1 if weights is None else weights[row])
        for row in pairs
    ]
    return sum(losses) / max(len(pairs), 1)


@pytest.mark.parametrize("margin", [0.0, 0.1, 20.0])
def test_it_is_the_mean_by_which_pairs_miss_the_margin(margin: float) -> None:
    expected = slow_loss(TARGET, LOGITS, margin)
    assert float(MaxMargin(margin)(TARGET, LOGITS)) == pytest.approx(expected, rel=1e-5)
    weights = np.array([0.5, 3, 2, 0.5, 3, 2], "float32")
    expected = slow_loss(TARGET, LOGITS, margin, weights)
    found = MaxMargin(margin)(TARGET, LOGITS, weights)
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_padding_and_targets_without_another_change_nothing() -> None:
    loss, changed = MaxMargin(20.0), LOGITS.copy()
    changed[TARGET == 0] = 100.0
    changed[1] = changed[4] = -50.0
    assert float(loss(TARGET, changed)) == pytest.approx(float(loss(TARGET, LOGITS)))
    wide = np.pad(TARGET, ((0, 0), (0, 2))), np.pad(LOGITS, ((0, 0), (0, 2), (0, 0)))
    assert float(loss(*wide)) == pytest.approx(float(loss(TARGET, LOGITS)))
    alone = np.where(np.arange(6)[:, None] < 3, TARGET, 0)
    assert float(loss(alone, LOGITS)) == 0


def test_where_the_margin_is_kept_there_is_no_gradient() -> None:
    logits = np.zeros((4, 2, 9), "float32")
    target = np.array([[5, 6], [5, 6], [6, 0], [6, 0]])
    # The first pair keeps the margin, the second misses it.
    logits[0, 0, 5] = logits[0, 1, 6] = 30.0
    values = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(values)
        loss = MaxMargin()(target, values)
    gradient = np.abs(np.asarray(tape.gradient(loss, values))).sum(axis=(1, 2))
    assert gradient[0] == gradient[2] == 0 and gradient[1] > 0 and gradient[3] > 0


def test_half_precision_is_computed_in_float32() -> None:
    logits = LOGITS.astype("float16")
    found = MaxMargin(5.0)(TARGET, logits)
    assert found.dtype == "float32"
    expected = slow_loss(TARGET, logits.astype("float32"), 5.0)
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_it_is_saved_and_mistakes_are_told() -> None:
    loss = MaxMargin(0.3)
    again = MaxMargin.from_config(loss.get_config())
    assert (again.margin, again.name) == (0.3, "max_margin")
    for margin in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="`margin` must be at least 0 and finite"):
            MaxMargin(margin)
    with pytest.raises(ValueError, match="two halves.*Received: 5 rows"):
        loss(TARGET[:5], LOGITS[:5])


@pytest.mark.slow  # Trains for 10 s.
def test_fit_widens_the_margin_of_the_pairs_that_have_weight() -> None:
    keras.utils.set_random_seed(1)
    model = Seq2Seq(Encoder(10, 8), Decoder(10, 8, attention=LuongAttention(8)))
    source = np.tile([[5, 6, 3], [7, 8, 3]], (2, 1))
    target = np.array([[5, 6, 3], [7, 8, 3], [6, 3, 0], [7, 3, 0]])
    target_in = np.array([[2, 5, 6], [2, 7, 8], [2, 6, 0], [2, 7, 0]])
    weights = np.array([2.0, 0.0, 2.0, 0.0])

    def loss_of(margin: float, weights: np.ndarray) -> float:
        return slow_loss(target, model((source, target_in)).numpy(), margin, weights)

    before = loss_of(0.5, weights)
    model.compile(keras.optimizers.Adam(0.02), loss=MaxMargin(0.5))
    data = {"x": (source, target_in), "y": target, "sample_weight": weights}
    history = model.fit(**data, batch_size=4, shuffle=False, epochs=60, verbose=0).history["loss"]
    assert history[0] == pytest.approx(before, rel=1e-4)
    assert loss_of(0.5, weights) < 0.02 and before > 1

"""`sample_weight` weights sentences or tokens, in the loss and in every metric."""

from typing import Any

import keras
import numpy as np
import pytest
from scipy.special import log_softmax

from keras_s2s import (
    Decoder,
    Encoder,
    LuongAttention,
    MaskedCrossentropy,
    Perplexity,
    Seq2Seq,
    SequenceAccuracy,
    TokenAccuracy,
)

RANDOM = np.random.default_rng(0)
SIZE = 9
METRICS = (TokenAccuracy, SequenceAccuracy, Perplexity)


def batch(rows: int, positions: int) -> tuple[np.ndarray, np.ndarray]:
    """Targets with padding, and logits that are right for about half of the rows."""
    target = RANDOM.integers(4, SIZE, (rows, positions)).astype("int32")
    for row in range(rows):
        target[row, RANDOM.integers(1, positions + 1) :] = 0
    logits = RANDOM.normal(size=(rows, positions, SIZE)).astype("float32")
    for row in range(0, rows, 2):
        logits[row, np.arange(positions), target[row]] += 9
    return target, logits


def expected(name: str, target: np.ndarray, logits: np.ndarray, weights: np.ndarray) -> float:
    """The value by NumPy; `weights` is `[B, T]`."""
    real = target != 0
    losses = -np.take_along_axis(log_softmax(logits, -1), target[..., None], -1)[..., 0]
    right = logits.argmax(-1) == target
    weights = weights * real
    if name == "loss":
        return (losses * weights).sum() / real.sum()
    if name == "Perplexity":
        return np.exp((losses * weights).sum() / weights.sum())
    if name == "TokenAccuracy":
        return (right * weights).sum() / weights.sum()
    of_rows = weights.sum(1) / real.sum(1)
    return ((right | ~real).all(1) * of_rows).sum() / of_rows.sum()


SHAPES = {
    "[B]": lambda rows, positions: (rows,),
    "[B, 1]": lambda rows, positions: (rows, 1),
    "[B, T]": lambda rows, positions: (rows, positions),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("rows", "positions"), [(7, 4), (5, 5), (1, 3), (6, 1)])
def test_loss_and_metrics_weight_what_the_shape_says(shape: str, rows: int, positions: int) -> None:
    target, logits = batch(rows, positions)
    given = RANDOM.uniform(0.1, 3, SHAPES[shape](rows, positions)).astype("float32")
    weights = np.broadcast_to(given[:, None] if given.ndim == 1 else given, target.shape)
    loss = MaskedCrossentropy()(target, logits, sample_weight=given)
    assert float(loss) == pytest.approx(expected("loss", target, logits, weights), abs=1e-5)
    for kind in METRICS:
        metric: Any = kind()
        metric.update_state(target, logits, sample_weight=given)
        value = expected(kind.__name__, target, logits, weights)
        assert float(metric.result()) == pytest.approx(value, rel=1e-5), kind


@pytest.mark.parametrize("shape", [(3, 2), (3,), (4,), (1, 3), (2, 2), (2, 3, 1), ()])
def test_another_shape_is_an_error_that_names_it(shape: tuple[int, ...]) -> None:
    target, logits = batch(2, 3)
    with pytest.raises(ValueError, match=r"`sample_weight` must have a weight .* Received: shape"):
        MaskedCrossentropy()(target, logits, sample_weight=np.ones(shape, "float32"))


def test_one_hot_targets_are_refused_by_name() -> None:
    target, logits = batch(2, 3)
    with pytest.raises(ValueError, match="must be token ids, int32 .* not one-hot"):
        MaskedCrossentropy()(np.eye(SIZE)[target], logits)


def make_model() -> Seq2Seq:
    keras.utils.set_random_seed(2)
    model = Seq2Seq(Encoder(SIZE, 8), Decoder(SIZE, 8, attention=LuongAttention(8)))
    model.compile(
        keras.optimizers.SGD(1.0),
        MaskedCrossentropy(),
        weighted_metrics=[kind() for kind in METRICS],
    )
    return model


@pytest.fixture(scope="module")
def model() -> tuple[Seq2Seq, list[np.ndarray]]:
    """One model, so that its step is traced once, and its first weights."""
    model = make_model()
    return model, model.get_weights()


@pytest.mark.parametrize("shape", SHAPES)
def test_fit_evaluate_and_train_on_batch_take_each_shape(
    shape: str, model: tuple[Seq2Seq, list[np.ndarray]]
) -> None:
    trained, start = model
    trained.set_weights(start)
    target, _ = batch(6, 6)
    given = RANDOM.uniform(0.1, 3, SHAPES[shape](6, 6)).astype("float32")
    weights = np.broadcast_to(given[:, None] if given.ndim == 1 else given, target.shape)
    logits = np.asarray(trained((target, target)))
    found = trained.evaluate((target, target), target, sample_weight=given, verbose=0)
    values = [
        expected(name, target, logits, weights)
        for name in ("loss", *(kind.__name__ for kind in METRICS))
    ]
    np.testing.assert_allclose(found, values, rtol=1e-4)
    loss = trained.train_on_batch((target, target), target, sample_weight=given)
    np.testing.assert_allclose(loss, values, rtol=1e-4)
    trained.set_weights(start)
    history = trained.fit((target, target), target, sample_weight=given, verbose=0)
    assert history.history["loss"] == pytest.approx([values[0]], rel=1e-4)


@pytest.mark.slow  # Trains twice: 4 s.
def test_a_sentence_of_weight_0_teaches_nothing(
    model: tuple[Seq2Seq, list[np.ndarray]],
) -> None:
    trained, start = model
    target, _ = batch(4, 4)
    after = []
    for other in (target[1:], (target[1:] % 5) + (target[1:] != 0) * 4):
        trained.set_weights(start)
        mixed = np.concatenate([target[:1], other])
        mixed[1:] = np.where(target[1:] != 0, np.maximum(mixed[1:], 4), 0)
        trained.train_on_batch((mixed, mixed), mixed, sample_weight=np.array([1.0, 0, 0, 0]))
        after.append(trained.get_weights())
    for one, two in zip(*after, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)

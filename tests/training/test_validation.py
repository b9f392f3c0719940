"""Validation: exact means over tokens, the best weights kept, an end in time."""

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_s2s.training.losses import MaskedCrossentropy
from keras_s2s.training.validation import BestWeights

SIZE = 6  # Ids that the toy model knows.
TARGET = np.array([[4, 5, 3], [5, 3, 0], [4, 3, 0]])


def dataset(*cuts: int) -> tf.data.Dataset:
    """The targets, given back as they came in, in batches from one cut to the next."""
    rows = [TARGET[a:b] for a, b in itertools.pairwise(cuts)]
    batches = [tf.data.Dataset.from_tensors((batch, batch)) for batch in rows]
    return functools.reduce(tf.data.Dataset.concatenate, batches)


def toy_model(learning_rate: float = 0.0) -> keras.Model:
    """A table of logits, one row for each id."""
    model = keras.Sequential(
        [keras.Input((None,), dtype="int32"), keras.layers.Embedding(SIZE, SIZE)]
    )
    model.compile(keras.optimizers.SGD(learning_rate), loss=MaskedCrossentropy(), run_eagerly=True)
    return model


class Confidence(keras.callbacks.Callback):
    """Sets the table anew after each epoch: the larger the number, the surer of the right id."""

    def __init__(self, values: Sequence[float]) -> None:
        super().__init__()
        self.values = values

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.model.set_weights([self.values[epoch] * np.eye(SIZE, dtype="float32")])


def fit(best: BestWeights, values: Sequence[float]) -> tuple[keras.Model, dict[str, list]]:
    model = toy_model()
    history = model.fit(
        TARGET,
        TARGET,
        epochs=len(values),
        batch_size=1,
        verbose=0,  # pyright: ignore[reportArgumentType]
        callbacks=[Confidence(values), best],
    )
    return model, history.history


def crossentropy(confidence: float) -> float:
    """Mean over tokens: each has the logit `confidence` against `SIZE - 1` zeros."""
    return math.log(math.exp(confidence) + SIZE - 1) - confidence


def test_the_best_weights_are_kept_and_not_the_last() -> None:
    best = BestWeights(dataset(0, 3), patience=9)
    model, history = fit(best, [1.0, 3.0, 2.0, 0.0])
    assert model.get_weights()[0][0, 0] == 0.0
    best.restore()
    assert model.get_weights()[0][0, 0] == 3.0
    assert best.best_epoch == 1
    assert best.best == min(history["val_perplexity"])


def test_the_kept_weights_are_a_copy_that_later_steps_do_not_change() -> None:
    best = BestWeights(dataset(0, 3), patience=9)
    model, _ = fit(best, [2.0])
    model.set_weights([np.zeros((SIZE, SIZE), "float32")])
    best.restore()
    assert model.get_weights()[0][0, 0] == 2.0


def test_training_ends_after_as_many_epochs_without_a_better_one_as_patience_says() -> None:
    best = BestWeights(dataset(0, 3), patience=2)
    _, history = fit(best, [1.0, 2.0, 1.5, 1.5, 9.0])
    assert len(history["val_loss"]) == 4


def test_equal_is_not_better() -> None:
    best = BestWeights(dataset(0, 3), patience=9)
    fit(best, [2.0, 2.0])
    assert best.best_epoch == 0


@pytest.mark.parametrize("cut", [(0, 3), (0, 1, 3), (0, 1, 2, 3)])
def test_the_figures_are_means_over_tokens_however_the_batches_are_cut(
    cut: tuple[int, ...],
) -> None:
    _, history = fit(BestWeights(dataset(*cut), patience=1), [1.5])
    assert history["val_loss"][0] == pytest.approx(crossentropy(1.5), rel=1e-5)
    assert history["val_perplexity"][0] == pytest.approx(math.exp(crossentropy(1.5)), rel=1e-5)
    assert history["val_token_accuracy"] == [1.0]


def test_each_epoch_gets_a_line() -> None:
    lines: list[str] = []
    fit(BestWeights(dataset(0, 3), 9, lines.append, tokens_per_epoch=7), [2.0, 1.0])
    assert "epoch 1: loss" in lines[0] and "accuracy 100.0 % (best)" in lines[0]
    assert "epoch 2: loss" in lines[1] and "(best)" not in lines[1]
    assert all(line.endswith(" target tokens/s") for line in lines)


def test_an_epoch_that_is_cut_short_does_not_look_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    best = BestWeights(dataset(0, 3), 9, lines.append, tokens_per_epoch=300)
    model = toy_model()

    class Stop(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.model.stop_training = True

    now = iter(range(100))
    monkeypatch.setattr("keras_s2s.training.validation.time.monotonic", lambda: next(now))
    model.fit(TARGET, TARGET, batch_size=1, verbose=0, callbacks=[Stop(), best])  # pyright: ignore
    assert lines[0].endswith("1 s, 100 target tokens/s")  # One of three steps, in one second.


def test_a_second_training_begins_anew() -> None:
    best = BestWeights(dataset(0, 3), patience=9)
    fit(best, [1.0, 3.0])
    model, _ = fit(best, [2.0])
    best.restore()
    assert model.get_weights()[0][0, 0] == 2.0


def test_a_training_that_diverges_ends_at_once_and_says_so() -> None:
    lines: list[str] = []
    best = BestWeights(dataset(0, 3), 5, lines.append)
    _, history = fit(best, [math.nan] * 5)
    assert len(history["loss"]) == 2  # The loss of the second epoch shows it.
    assert best.best_epoch == -1
    assert lines[-1] == "the loss is not finite any more: training ends"
    with pytest.raises(ValueError, match="no weights with a finite .* Lower the learning rate"):
        best.restore()


def test_what_was_good_before_it_diverged_is_kept() -> None:
    best = BestWeights(dataset(0, 3), patience=5)
    model, _ = fit(best, [1.0, math.nan, 1.0])
    best.restore()
    assert model.get_weights()[0][0, 0] == 1.0


class Table(keras.callbacks.Callback):
    """Sets the whole table after each epoch."""

    def __init__(self, tables: Sequence[np.ndarray]) -> None:
        super().__init__()
        self.tables = tables

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.model.set_weights([self.tables[epoch]])


def test_by_sequence_accuracy_the_most_whole_answers_win_and_then_the_lower_perplexity() -> None:
    unsure = np.eye(SIZE)
    sure = 9 * unsure
    sure[4] = [0, 0, 0, 0, 9, 9.1]  # Two of three sequences hold a 4: barely wrong.
    best = BestWeights(dataset(0, 3), patience=9, monitor="sequence_accuracy")
    tables = [sure, unsure, 2 * unsure, sure, 2 * unsure]
    model = toy_model()
    history = model.fit(
        TARGET,
        TARGET,
        epochs=len(tables),
        verbose=0,  # pyright: ignore[reportArgumentType]
        callbacks=[Table(tables), best],
    ).history
    assert history["val_sequence_accuracy"] == pytest.approx([1 / 3, 1, 1, 1 / 3, 1])
    assert history["val_perplexity"][0] < history["val_perplexity"][2]
    assert (best.best_epoch, best.best) == (2, 1.0)


def test_a_training_whose_answers_are_all_wrong_still_goes_by_the_perplexity() -> None:
    best = BestWeights(dataset(0, 3), patience=9, monitor="sequence_accuracy")
    _, history = fit(best, [-2.0, -1.0, -3.0])
    assert history["val_sequence_accuracy"] == [0, 0, 0]
    assert best.best_epoch == 1


def test_another_measure_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"`monitor` must be one of .* monitor='loss'"):
        BestWeights(dataset(0, 3), monitor="loss")


def test_patience_below_one_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"`patience` must be at least 1\. Received: patience=0"):
        BestWeights(dataset(0, 3), patience=0)

"""Ids outside of the vocabulary and class weights are refused, whatever the data come in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from keras_s2s.layers.decoder import Decoder
from keras_s2s.layers.encoder import Encoder
from keras_s2s.layers.luong import LuongAttention
from keras_s2s.model import Seq2Seq
from keras_s2s.training.losses import MaskedCrossentropy

SOURCE = np.array([[5, 6, 3], [7, 3, 0]], "int32")
TARGET_IN = np.array([[2, 5], [2, 6]], "int32")
TARGET_OUT = np.array([[5, 3], [6, 3]], "int32")
GOOD = ((SOURCE, TARGET_IN), TARGET_OUT)


@pytest.fixture(scope="module")
def model() -> Seq2Seq:
    model = Seq2Seq(Encoder(10, 4), Decoder(12, 4, attention=LuongAttention(4)))
    model.compile("sgd", MaskedCrossentropy())
    return model


def batch_with(part: str, wrong: int) -> tuple:
    """The good batch with another id in a part of it."""
    parts = {"source": SOURCE, "target_in": TARGET_IN, "target_out": TARGET_OUT}
    parts[part] = parts[part].copy()
    parts[part][1, 0] = wrong
    return (parts["source"], parts["target_in"]), parts["target_out"]


def dataset(*batch: Any) -> Any:
    import tensorflow as tf

    return tf.data.Dataset.from_tensors(batch)


WRONG = [("source", 10), ("source", -1), ("target_in", 12), ("target_out", 12), ("target_out", -5)]


@pytest.mark.parametrize(("part", "wrong"), WRONG)
@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_arrays_with_another_id_are_refused(
    model: Seq2Seq, method: str, part: str, wrong: int
) -> None:
    before = model.get_weights()
    with pytest.raises(ValueError, match=f"Received: id {wrong} in `{part}`"):
        getattr(model, method)(*batch_with(part, wrong))
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("method", ["predict", "predict_on_batch"])
def test_predictions_of_another_id_are_refused(model: Seq2Seq, method: str) -> None:
    with pytest.raises(ValueError, match="Received: id 10 in `source`"):
        getattr(model, method)(batch_with("source", 10)[0])


def test_inputs_by_name_are_checked(model: Seq2Seq) -> None:
    (source, target_in), target_out = batch_with("target_in", 40)
    with pytest.raises(ValueError, match="Received: id 40 in `target_in`"):
        model.fit({"source": source, "target_in": target_in}, target_out)


@pytest.mark.parametrize(("part", "wrong"), WRONG)
def test_a_dataset_with_another_id_is_refused(model: Seq2Seq, part: str, wrong: int) -> None:
    with pytest.raises(ValueError, match=f"Token ids must be.*another id in `{part}`"):
        model.evaluate(dataset(*batch_with(part, wrong)), verbose=0)


def test_validation_data_with_another_id_are_refused_before_training(model: Seq2Seq) -> None:
    before = model.get_weights()
    with pytest.raises(ValueError, match="Received: id 99 in `target_out`"):
        model.fit(*GOOD, validation_data=batch_with("target_out", 99), verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_validation_dataset_with_another_id_is_refused(model: Seq2Seq) -> None:
    with pytest.raises(ValueError, match="another id in `source`"):
        model.fit(*GOOD, validation_data=dataset(*batch_with("source", 10)), verbose=0)


def test_a_generator_with_a_larger_id_is_refused(model: Seq2Seq) -> None:
    def batches() -> Iterator[tuple]:
        yield batch_with("source", 25)

    with pytest.raises(ValueError, match="Received: id 25 in a batch"):
        model.fit(batches(), steps_per_epoch=1, shuffle=False, verbose=0)


def test_good_data_train_in_every_form(model: Seq2Seq) -> None:
    weights = np.array([1.0, 2.0], "float32")
    expected = model.evaluate(*GOOD, verbose=0, sample_weight=weights)
    assert model.evaluate(dataset(*GOOD, weights), verbose=0) == pytest.approx(expected)
    logits = model.predict_on_batch(GOOD[0])
    np.testing.assert_allclose(model.predict(dataset(GOOD[0]), verbose=0), logits, atol=1e-6)


@pytest.mark.parametrize("method", ["fit", "train_on_batch"])
def test_class_weights_are_refused(model: Seq2Seq, method: str) -> None:
    with pytest.raises(ValueError, match="`class_weight` does not go with.*`sample_weight`"):
        getattr(model, method)(*GOOD, class_weight={5: 2.0})

from typing import Any

import keras
import numpy as np
import pytest

from keras_s2s.training.losses import MaskedCrossentropy
from keras_s2s.training.metrics import Perplexity, SequenceAccuracy, TokenAccuracy

TARGET = np.array([[5, 2, 3, 0], [4, 3, 0, 0]])
VOCABULARY = 7
METRICS = pytest.mark.parametrize("metric_class", [TokenAccuracy, Perplexity])


def make_logits(rows: int = 2) -> np.ndarray:
    return np.random.default_rng(3).normal(size=(rows, 4, VOCABULARY)).astype("float32")


def test_accuracy_is_the_share_of_real_tokens_that_are_right() -> None:
    logits = np.eye(VOCABULARY)[[[5, 1, 3, 0], [4, 6, 0, 0]]]
    accuracy = TokenAccuracy()
    accuracy.update_state(TARGET, logits)
    assert float(accuracy.result()) == pytest.approx(3 / 5)


def test_a_sequence_counts_when_its_every_real_token_is_right() -> None:
    logits = np.eye(VOCABULARY)[[[5, 1, 3, 0], [4, 3, 6, 6], [1, 1, 1, 1]]]
    accuracy = SequenceAccuracy()
    accuracy.update_state(np.append(TARGET, [[0, 0, 0, 0]], axis=0), logits)
    assert float(accuracy.result()) == pytest.approx(1 / 2)  # The last row has no token.


def test_sequences_count_alike_however_long_and_however_cut() -> None:
    right = np.eye(VOCABULARY)[TARGET]
    wrong = np.eye(VOCABULARY)[[[4, 6]]]
    accuracy = SequenceAccuracy()
    accuracy.update_state(TARGET, right)
    accuracy.update_state(TARGET[1:, :2], wrong)
    assert float(accuracy.result()) == pytest.approx(2 / 3)
    accuracy.reset_state()
    accuracy.update_state(TARGET, np.stack([right[0], right[0]]), sample_weight=[0, 1])
    assert float(accuracy.result()) == 0.0


def test_perplexity_is_the_exponent_of_the_loss_without_smoothing() -> None:
    perplexity = Perplexity()
    perplexity.update_state(TARGET, make_logits())
    loss = float(MaskedCrossentropy()(TARGET, make_logits()))
    assert float(perplexity.result()) == pytest.approx(np.exp(loss), rel=1e-5)


@METRICS
def test_the_cut_into_batches_and_their_padding_change_nothing(metric_class: Any) -> None:
    whole, parts = metric_class(), metric_class()
    logits = make_logits()
    whole.update_state(TARGET, logits)
    parts.update_state(TARGET[:1], logits[:1])
    parts.update_state(TARGET[1:, :2], logits[1:, :2])
    parts.update_state(np.zeros((2, 4), int), logits)
    assert float(parts.result()) == pytest.approx(float(whole.result()), rel=1e-6)
    parts.reset_state()
    parts.update_state(TARGET, logits)
    assert float(parts.result()) == pytest.approx(float(whole.result()), rel=1e-6)


@METRICS
@pytest.mark.parametrize("shape", ["rows", "tokens"])
def test_weights_of_rows_or_of_tokens_leave_out_what_weighs_nothing(
    metric_class: Any, shape: str
) -> None:
    logits = make_logits()
    first, weighed = metric_class(), metric_class()
    first.update_state(TARGET[:1], logits[:1])
    weight = np.array([1.0, 0.0]) if shape == "rows" else np.array([[1.0] * 4, [0.0] * 4])
    weighed.update_state(TARGET, logits, sample_weight=weight)
    assert float(weighed.result()) == pytest.approx(float(first.result()), rel=1e-6)


@METRICS
def test_half_precision_logits_are_counted_in_float32(metric_class: Any) -> None:
    logits = keras.ops.cast(make_logits(), "bfloat16")
    metric, expected = metric_class(), metric_class()
    metric.update_state(TARGET, logits)
    expected.update_state(TARGET, keras.ops.cast(logits, "float32"))
    assert metric.result().dtype == "float32"
    assert float(metric.result()) == float(expected.result())


@METRICS
def test_its_config_makes_it_again(metric_class: Any) -> None:
    config = keras.saving.serialize_keras_object(metric_class(name="other"))
    again: Any = keras.saving.deserialize_keras_object(config)
    assert type(again) is metric_class and again.name == "other"

"""The average of checkpoints has the mean of their weights, and all else of the first."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from keras_s2s import (
    Beam,
    CharacterTokenizer,
    Decoder,
    Encoder,
    LuongAttention,
    Seq2Seq,
    Translator,
    average,
)
from keras_s2s.inference.averaging import _mean

TOKENIZER = CharacterTokenizer.train(["abcdefgh "])
TEXTS = ["abc", "", "hgfedcba"]


def make(seed: int, units: int = 12, dtype: str = "float32", **options: Any) -> Translator:
    keras.utils.set_random_seed(seed)
    size = TOKENIZER.vocabulary_size
    attention = LuongAttention(units, dtype=dtype)
    model = Seq2Seq(
        Encoder(size, units, dropout=0.1, dtype=dtype),
        Decoder(size, units, attention=attention, dropout=0.1, dtype=dtype),
        name=f"model_{seed}",
    )
    return Translator(model, TOKENIZER, TOKENIZER, **options)


def weights(translator: Translator) -> list[np.ndarray]:
    return translator.model.get_weights()


def test_each_weight_is_the_mean_of_the_checkpoints() -> None:
    several = [make(seed) for seed in (1, 2, 3)]
    before = [weights(one) for one in several]
    found = average(iter(several))
    for mean, *each in zip(weights(found), *before, strict=True):
        assert mean.dtype == each[0].dtype
        expected = np.mean(each, axis=0, dtype="float64")
        np.testing.assert_allclose(mean, expected, rtol=1e-6, atol=1e-8)
    assert np.abs(weights(found)[0] - before[0][0]).max() > 0.01
    for one, old in zip(several, before, strict=True):  # What was given stays as it was.
        for mine, theirs in zip(weights(one), old, strict=True):
            np.testing.assert_array_equal(mine, theirs)


@pytest.mark.slow  # Traces two searches: 6 s.
def test_the_average_of_one_model_twice_is_that_model() -> None:
    one = make(1)
    found = average([one, one])
    assert found.model is not one.model
    for mine, theirs in zip(weights(found), weights(one), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert found.translate(TEXTS, maximum_length=9) == one.translate(TEXTS, maximum_length=9)


def test_options_and_samples_are_those_of_the_first() -> None:
    first = make(1, search=Beam(2, 0.3), maximum_source_length=50, samples=["ab"])
    found = average([first, make(2, search=Beam(7), samples=["c"])])
    assert found.options == first.options and found.samples == ["ab"]
    assert found.source_tokenizer is first.source_tokenizer


def test_it_is_saved_and_loaded_as_any_other(tmp_path: Path) -> None:
    found = average([make(1), make(2)])
    found.save(tmp_path / "model")
    loaded = Translator.load(tmp_path / "model")
    assert loaded.translate(TEXTS, maximum_length=9) == found.translate(TEXTS, maximum_length=9)


def test_checkpoints_of_different_precision_and_loaded_ones_go_together(tmp_path: Path) -> None:
    make(2).save(tmp_path / "model")
    found = average([make(1, dtype="mixed_bfloat16"), Translator.load(tmp_path / "model")])
    np.testing.assert_allclose(
        weights(found)[0], (weights(make(1))[0] + weights(make(2))[0]) / 2, atol=1e-7
    )


def test_large_and_small_weights_are_summed_in_double_precision() -> None:
    same = np.array([2.0**24], "float32"), np.array([1.0], "float32"), np.array([1.0], "float32")
    assert _mean(same).item() == np.float32((2**24 + 2) / 3)


def test_counters_and_random_states_are_those_of_the_first() -> None:
    counters = np.array([7, 8], "uint32"), np.array([1, 2], "uint32")
    np.testing.assert_array_equal(_mean(counters), counters[0])


def test_other_architectures_are_refused_with_the_first_difference() -> None:
    message = "Received: translator 3 with encoder.units=8, not 12. Take checkpoints"
    with pytest.raises(ValueError, match=message):
        average([make(1), make(2), make(3, units=8)])
    plain = make(1).model.get_config()
    size = TOKENIZER.vocabulary_size
    other = Seq2Seq(Encoder.from_config(plain["encoder"]["config"]), Decoder(size, 12, dropout=0.1))
    with pytest.raises(ValueError, match="translator 2 with decoder.attention=None, not"):
        average([make(1), Translator(other, TOKENIZER, TOKENIZER)])


def test_other_tokenizers_an_ensemble_and_one_alone_are_refused() -> None:
    other = CharacterTokenizer(TOKENIZER.symbols[::-1])
    with pytest.raises(ValueError, match="translator 2, whose source tokenizer is not the first"):
        average([make(1), Translator(make(2).model, other, TOKENIZER)])
    with pytest.raises(ValueError, match="An ensemble is not one model"):
        average([make(1), Translator.ensemble([make(2), make(3)])])
    with pytest.raises(ValueError, match=r"at least two translators\. Received: 1"):
        average([make(1)])
    with pytest.raises(TypeError, match="`translators` must be a list of keras_s2s.Translator"):
        average([make(1).model])  # pyright: ignore[reportArgumentType]

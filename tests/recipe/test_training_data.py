"""Tokenizers, batches and samples are made from pairs as a recipe says."""

from typing import Any

import numpy as np
import pytest

from keras_s2s.data.pairs import choose_samples
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.training_data import make_batches
from keras_s2s.text.tokenizers import (
    CharacterTokenizer,
    SentencePieceTokenizer,
    Tokenizer,
    WordTokenizer,
)
from keras_s2s.text.train_pair import train_tokenizers

# Each of these texts is too short for the vocabulary that is asked for.
few_words = pytest.mark.filterwarnings("ignore:vocabulary_size=.* is more than the text fills")


def trained_tokenizers(**options: Any) -> tuple[Tokenizer, Tokenizer]:
    """The tokenizers of a training, which needs nothing else to be made."""
    pairs = [("한국 a b", "b a x 가"), ("a b ab", "ab ba y 나")] * 9
    return train_tokenizers(pairs, Recipe(**options))


@few_words
def test_one_kind_of_subwords_on_both_sides_is_one_vocabulary() -> None:
    source, target = trained_tokenizers()
    assert source is target and isinstance(source, SentencePieceTokenizer)
    assert 1 not in source.encode("한국 x")


@few_words
@pytest.mark.parametrize("kind", ["sentencepiece", "word", "character"])
def test_every_kind_keeps_the_symbols_that_are_protected(kind: str) -> None:
    for tokenizer in trained_tokenizers(source_tokenizer=kind, protect=["<2ko>", "ab"]):
        assert tokenizer.protected == ("<2ko>", "ab")
        pieces = tokenizer.pieces(tokenizer.encode("b<2ko>abab"))
        assert [piece for piece in pieces if piece in tokenizer.protected] == ["<2ko>", "ab", "ab"]


@few_words
def test_a_vocabulary_for_each_side_knows_only_its_own() -> None:
    source, target = trained_tokenizers(joint_vocabulary=False)
    assert isinstance(source, SentencePieceTokenizer)
    assert isinstance(target, SentencePieceTokenizer)
    assert 1 in source.encode("x") and 1 in target.encode("한")


@few_words
def test_the_target_has_the_kind_of_the_source_unless_it_has_its_own() -> None:
    words = trained_tokenizers(source_tokenizer="word")
    assert [type(one) for one in words] == [WordTokenizer] * 2
    mixed = trained_tokenizers(source_tokenizer="character", target_tokenizer="sentencepiece")
    assert [type(one) for one in mixed] == [CharacterTokenizer, SentencePieceTokenizer]


def test_each_side_has_its_own_unicode_form() -> None:
    source, target = trained_tokenizers(
        source_tokenizer="character", source_normalization="NFD", target_normalization="NFKC"
    )
    assert (source.normalization, target.normalization) == ("NFD", "NFKC")
    assert len(source.encode("한")) == 3  # Three jamo.


@few_words
def test_subwords_of_two_unicode_forms_cannot_be_one_vocabulary() -> None:
    source, target = trained_tokenizers(source_normalization="NFD")
    assert (source.normalization, target.normalization) == ("NFD", "NFC")


def test_the_vocabulary_is_no_larger_than_asked_for() -> None:
    source, _ = trained_tokenizers(source_tokenizer="character", vocabulary_size=6)
    assert source.vocabulary_size == 6


def test_batches_are_of_so_many_pairs_and_mix_lengths_by_the_noise() -> None:
    pairs = [("a" * length, "b" * length) for length in range(1, 33)]
    spreads = []
    for noise in (0.0, 1000.0):
        recipe = Recipe(source_tokenizer="character", batch_sentences=8, length_noise=noise)
        batches = make_batches(pairs, *train_tokenizers(pairs, recipe), recipe)
        assert [len(places) for places in batches.plan(0)] == [8, 8, 8, 8]
        spreads.append(max(float(np.ptp(places)) for places in batches.plan(0)))
    alike, mixed = spreads
    assert alike < 16 < mixed


def test_samples_are_of_every_length_with_the_long_ones_as_rare_as_they_are() -> None:
    pairs = [("a" * (1 + i % 7), "x") for i in range(7000)] + [("b" * 900, "x")]
    assert [len(sample) for sample in choose_samples(pairs)] == [1, 2, 3, 4, 5, 6, 7, 900]
    pairs = [("c" * i, "x") for i in range(1, 1001)]
    lengths = [len(sample) for sample in choose_samples(pairs)]
    assert len(lengths) == 100 and lengths == sorted(lengths)
    assert (lengths[0], lengths[-1]) == (1, 1000)
    assert choose_samples([("one", "x")]) == ["one"]

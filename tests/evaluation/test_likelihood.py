"""Perplexity and token accuracy of a model, recomputed token by token."""

import json
import math
from typing import Any

import numpy as np
import pytest

from keras_s2s import CharacterTokenizer, Decoder, Encoder, LuongAttention, Seq2Seq, Translator
from keras_s2s.evaluation.likelihood import (
    Likelihood,
    PairLikelihood,
    likelihood,
    pair_likelihoods,
)

from ..budget import first

SOURCES = ["abc", "", "cab a", "bb", "c", "abcabcabcabc"]
TARGETS = ["cba", "a", "", "bb a c b", "accc", "b"]
TOKENIZER = CharacterTokenizer.train(["abc abc"])


@pytest.fixture(scope="module")
def translator() -> Translator:
    """One whose weights are drawn, and large enough for it to be sure of something."""
    size = TOKENIZER.vocabulary_size
    model = Seq2Seq(Encoder(size, 16), Decoder(size, 16, attention=LuongAttention(16)))
    generator = np.random.default_rng(1)
    shapes = [weights.shape for weights in model.get_weights()]
    model.set_weights([generator.normal(0, 0.7, shape).astype("float32") for shape in shapes])
    return Translator(model, TOKENIZER, TOKENIZER)


def log_probabilities(model: Any, source: list[int], target: list[int]) -> np.ndarray:
    """Of every id at every place behind the right ids before it, float64 [T, V]."""
    logits = model([np.array([[*source, 3]]), np.array([[2, *target]])], training=False)
    values = np.asarray(logits, "float64")[0]
    return values - np.log(np.exp(values).sum(axis=-1, keepdims=True))


def slow_likelihood(translator: Translator, sources: list[str], targets: list[str]) -> Likelihood:
    found, right = [], 0
    for source, target in zip(sources, targets, strict=True):
        ids = TOKENIZER.encode(target)
        rows = log_probabilities(translator.model, TOKENIZER.encode(source), ids)
        for row, token in zip(rows, [*ids, 3], strict=True):
            found.append(row[token])
            right += int(row.argmax()) == token
    return Likelihood(math.exp(-np.mean(found)), right / len(found), len(found))


@pytest.mark.parametrize("batch_tokens", first(1, [9, 1, 2048]))
def test_the_figures_are_means_over_all_target_tokens_however_batches_are_cut(
    translator: Translator, batch_tokens: int
):
    found = likelihood(translator, SOURCES, TARGETS, batch_tokens=batch_tokens)
    expected = slow_likelihood(translator, SOURCES, TARGETS)
    assert found.perplexity == pytest.approx(expected.perplexity, rel=1e-5)
    assert found.token_accuracy == pytest.approx(expected.token_accuracy, rel=1e-6)
    assert found.target_tokens == expected.target_tokens == sum(map(len, TARGETS)) + len(TARGETS)
    assert 0 < found.token_accuracy < 1 < found.perplexity


def test_a_sentence_with_several_right_answers_counts_once_for_each(translator: Translator):
    found = likelihood(translator, ["abc", "abc"], ["a", "cab"])
    expected = slow_likelihood(translator, ["abc", "abc"], ["a", "cab"])
    assert found.perplexity == pytest.approx(expected.perplexity, rel=1e-5)


@pytest.mark.slow  # Traces two more graphs: 5 s.
def test_a_source_is_cut_where_translating_cuts_it(translator: Translator):
    short = Translator(translator.model, TOKENIZER, TOKENIZER, maximum_source_length=3)
    found = likelihood(short, ["abcabc"], ["cba"])
    assert found == likelihood(translator, ["ab"], ["cba"])
    assert found != likelihood(translator, ["abcabc"], ["cba"])


@pytest.mark.slow  # Traces two more graphs: 4 s.
def test_measuring_leaves_the_answers_as_they_were(translator: Translator):
    before = translator.translate(SOURCES, maximum_length=9)
    likelihood(translator, SOURCES, TARGETS)
    assert translator.translate(SOURCES, maximum_length=9) == before


def test_the_figures_become_plain_values(translator: Translator):
    found = likelihood(translator, SOURCES, TARGETS)
    assert found.to_dict() == {
        "perplexity": found.perplexity,
        "token_accuracy": found.token_accuracy,
        "target_tokens": found.target_tokens,
    }
    assert json.loads(json.dumps(found.to_dict())) == found.to_dict()


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"sources": SOURCES[:2]}, ValueError, "source_ids of 2 rows, target_ids of 6 rows"),
        ({"sources": [], "targets": []}, ValueError, "at least one pair"),
        ({"sources": "abcabc"}, TypeError, "sources must be a sequence with one item"),
        ({"targets": "abcabc"}, TypeError, "Received: targets='abcabc'"),
        ({"batch_tokens": 0}, ValueError, "batch_tokens must be at least 1"),
        ({"translator": TOKENIZER}, TypeError, "must be a keras_s2s.Translator"),
    ],
)
def test_wrong_arguments_are_named(translator: Translator, changes, error, message):
    arguments = {"translator": translator, "sources": SOURCES, "targets": TARGETS} | changes
    with pytest.raises(error, match=message):
        likelihood(**arguments)


def test_the_likelihoods_of_the_pairs_make_up_that_of_the_corpus(translator: Translator):
    pairs = list(zip(SOURCES, TARGETS, strict=True))
    found = list(pair_likelihoods(translator, pairs, batch_size=2, window=4))
    for (source, target), one in zip(pairs, found, strict=True):
        ids = TOKENIZER.encode(target)
        rows = log_probabilities(translator.model, TOKENIZER.encode(source), ids)
        expected = sum(row[token] for row, token in zip(rows, [*ids, 3], strict=True))
        assert one.log_probability == pytest.approx(expected, rel=1e-5)
        assert one.tokens == len(ids) + 1
        assert one.perplexity == pytest.approx(math.exp(-expected / one.tokens), rel=1e-5)
    total = found[0]
    for one in found[1:]:
        total = total.together(one)
    corpus = likelihood(translator, SOURCES, TARGETS)
    assert total.perplexity == pytest.approx(corpus.perplexity, rel=1e-5)
    assert total.tokens == corpus.target_tokens


def test_unknown_tokens_are_counted_and_no_perplexity_is_too_large(translator: Translator):
    (found,) = pair_likelihoods(translator, [("a", "?b!")])
    assert (found.tokens, found.unknown_tokens) == (4, 2)
    assert PairLikelihood(-1e6, 1, 0).perplexity == math.inf

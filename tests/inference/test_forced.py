"""Given targets: their probabilities are those of the model's logits, and of its own searches."""

from functools import cache
from typing import Any

import keras
import numpy as np
import pytest

from keras_s2s import (
    BahdanauAttention,
    Beam,
    CharacterTokenizer,
    Decoder,
    Encoder,
    Greedy,
    LuongAttention,
    Seq2Seq,
    Translator,
)
from keras_s2s.inference.forced import force
from keras_s2s.inference.forced_model import ForcedModel

from ..budget import first

START, END = 2, 3
TOKENIZER = CharacterTokenizer.train(["abcdefgh "])
PAIRS = [
    ("abc", "cab"),
    ("", "a"),
    ("hgfe dcba", ""),
    ("d", "dddddddddddddddd"),
    ("xx", "a?b"),
    ("cab fed", "ef b"),
]


def make(seed: int, units: int, attention: Any, **options: Any) -> Translator:
    """A translator that nobody trained, with weights so large that its choices are clear."""
    keras.utils.set_random_seed(seed)
    size = TOKENIZER.vocabulary_size
    shape = {"num_layers": options.pop("num_layers", 1), "cell": options.pop("cell", "lstm")}
    decoder = Decoder(size, units, attention=attention, **shape, **options)
    model = Seq2Seq(Encoder(size, units, **shape), decoder)
    model.set_weights([3 * weights for weights in model.get_weights()])
    return Translator(model, TOKENIZER, TOKENIZER, search=Beam(3))


@cache
def translators() -> dict[str, Translator]:
    several = {
        "fed": make(1, 12, LuongAttention(12), input_feeding=True),
        "bahdanau": make(2, 8, BahdanauAttention(6), cell="gru", num_layers=2),
        "local": make(4, 8, LuongAttention(8, local="monotonic", window=2)),
        "plain": make(3, 10, None),
    }
    together = [several[name] for name in ("fed", "bahdanau", "plain")]
    return {**several, "ensemble": Translator.ensemble(together)}


def probabilities(translator: Translator, source: list[int], target: list[int]) -> np.ndarray:
    """Of each token of a target, by the way that training takes, float64 `[T]`."""
    means = []
    for model in translator.models:
        inputs = (np.array([source]), np.array([[START, *target[:-1]]]))
        logits = keras.ops.convert_to_numpy(model(inputs))[0].astype("float64")
        powers = np.exp(logits - logits.max(-1, keepdims=True))
        means.append(powers / powers.sum(-1, keepdims=True))
    return np.mean(means, axis=0)[np.arange(len(target)), target]


@pytest.mark.parametrize("name", first(2, ["fed", "plain", "bahdanau", "local", "ensemble"]))
def test_log_probabilities_are_those_of_the_logits(name: str) -> None:
    translator = translators()[name]
    found = list(force(translator, PAIRS, batch_size=3, window=4))
    assert [(pair.source, pair.target) for pair in found] == PAIRS
    for (source, target), pair in zip(PAIRS, found, strict=True):
        ids = [*TOKENIZER.encode(source), END], [*TOKENIZER.encode(target), END]
        assert (pair.source_ids, pair.target_ids) == ids
        expected = np.log(probabilities(translator, *ids))
        np.testing.assert_allclose(pair.found.log_probabilities, expected, rtol=1e-4, atol=1e-5)
        assert pair.found.attention is None


@pytest.mark.parametrize("name", first(1, ["fed", "plain", "ensemble"]))
@pytest.mark.parametrize("search", [Greedy(), Beam(3)], ids=["greedy", "beam"])
def test_a_search_reports_the_probability_of_its_own_hypotheses(name: str, search: Any) -> None:
    translator, with_weights = translators()[name], name != "plain"
    sources = [[*TOKENIZER.encode(text), END] for text in ("abc", "hgfe dcba", "d")]
    n_best = 1 if isinstance(search, Greedy) else 2
    rows = translator.search_backend().find(
        sources, np.array([9, 9, 9]), np.arange(3), search, n_best, with_weights
    )
    pairs = [(ids, one) for ids, row in zip(sources, rows, strict=True) for one in row]
    assert len(pairs) == 3 * n_best
    targets = [one.ids for _, one in pairs]
    found = ForcedModel(translator.models).force([ids for ids, _ in pairs], targets, with_weights)
    for (_, one), (logs, weights) in zip(pairs, found, strict=True):
        assert logs.sum() == pytest.approx(one.log_probability, rel=1e-4)
        if with_weights:
            assert one.attention is not None and weights is not None
            np.testing.assert_allclose(weights, one.attention, atol=1e-5)


def test_attention_has_a_row_for_each_token_and_a_column_for_each_that_was_read() -> None:
    for pair in force(translators()["fed"], PAIRS, attention=True, batch_size=4):
        weights = pair.found.attention
        assert weights is not None
        assert weights.shape == (len(pair.target_ids), len(pair.source_ids))
        np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)


def test_long_sides_are_cut_or_refused() -> None:
    whole = translators()["fed"]
    short = Translator(whole.model, TOKENIZER, TOKENIZER, maximum_source_length=4)
    pairs = [("ab", "ba"), ("abcdef", "fedcba")]
    with pytest.warns(UserWarning, match="^Source 2 was cut to 4 tokens"):
        *_, cut = force(short, pairs)
    *_, expected = force(whole, [("abc", "fedcba")])
    assert (cut.source_ids, cut.target_ids) == (expected.source_ids, expected.target_ids)
    np.testing.assert_allclose(cut.found[0], expected.found[0], atol=1e-4)
    with pytest.warns(UserWarning, match="was cut to 4 tokens") as warned:
        *_, cut = force(short, pairs, attention=True)
    assert [str(one.message)[:6] for one in warned] == ["Source", "Target"]
    assert cut.found.attention is not None and cut.found.attention.shape == (4, 4)
    for pair, name in ((("abcd", "a"), "Source 1"), (("a", "abcd"), "Target 1")):
        with pytest.raises(ValueError, match=f"{name} must have at most 4 tokens"):
            list(force(short, [pair], strict=True))


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(TypeError, match="must be a keras_s2s.Translator, or"):
        force(TOKENIZER, PAIRS)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="Pair 2 must be a source and a target. Received: 'ab'"):
        list(force(translators()["plain"], [("a", "b"), "ab"]))  # type: ignore[list-item]
    with pytest.raises(ValueError, match="Attention weights need a model with attention"):
        force(translators()["plain"], PAIRS, attention=True)
    with pytest.raises(ValueError, match="`window` must be at least 1"):
        force(translators()["plain"], PAIRS, window=0)

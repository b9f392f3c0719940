"""A translator keeps constraints and begins with prefixes, whichever text shares the batch."""

import random
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest

from keras_s2s import (
    Beam,
    CharacterTokenizer,
    Constraints,
    Decoder,
    Encoder,
    Greedy,
    LuongAttention,
    Sample,
    Seq2Seq,
    Translator,
    forbid,
)

LETTERS = "abcd efgh"
TEXTS = ["abc", "", "hgfedcba", "dd", "cab fed", "gag", "a b", "e"]
PREFIXES = ["b", "a", "", "gh a", "", "x?", "ab", " "]
RULES = Constraints(
    minimum_length=6, no_repeat_ngram_size=2, repetition_penalty=1.2, forbidden=((4,), (2, 5))
)
SEARCHES = [Greedy(RULES), Beam(3, constraints=RULES), Sample(1.5, seed=2, constraints=RULES)]


@pytest.fixture(scope="module")
def translator() -> Translator:
    keras.utils.set_random_seed(3)
    tokenizer = CharacterTokenizer.train([LETTERS])
    size = tokenizer.vocabulary_size
    model = Seq2Seq(Encoder(size, 12), Decoder(size, 12, attention=LuongAttention(12)))
    model.set_weights([3 * weights for weights in model.get_weights()])
    return Translator(model, tokenizer, tokenizer, search=Greedy())


@pytest.mark.parametrize("search", SEARCHES, ids=["greedy", "beam", "sample"])
def test_texts_begin_with_their_prefixes_and_keep_the_rules(
    translator: Translator, search: Any
) -> None:
    found = list(translator.stream(TEXTS, search=search, prefixes=PREFIXES))
    for text, prefix, (best, *_) in zip(TEXTS, PREFIXES, found, strict=True):
        if not text:
            assert best.text == ""
            continue
        known = prefix.strip().replace("x", "⁇").replace("?", "⁇")
        assert best.text.startswith(known)
        ids = translator.target_tokenizer.encode(prefix)
        pieces = best.target_pieces
        assert len(pieces) >= 6 or "</s>" not in pieces
        free = pieces[max(len(ids) - 1, 0) :]
        pairs = list(zip(pieces, pieces[1:], strict=False))
        assert len(set(pairs[-len(free) + 1 :])) == len(free) - 1
        if not ids:
            assert " " not in pieces
    alone = [
        next(translator.stream([text], search=search, prefixes=[prefix]))[0].text
        for text, prefix in zip(TEXTS, PREFIXES, strict=True)
        if not isinstance(search, Sample)  # A sample depends on the place in the stream.
    ]
    assert alone == [best.text for best, *_ in found][: len(alone)]


def test_all_hypotheses_begin_with_the_prefix_and_differ(translator: Translator) -> None:
    search = Beam(4)
    (several,) = translator.stream(["cab fed"], search=search, n_best=4, prefixes=["ha h"])
    assert len({tuple(one.target_pieces) for one in several}) == len(several) > 2
    assert all(one.text.startswith("ha h") for one in several)


@pytest.mark.slow  # Traces two searches: 3 s.
def test_a_forced_translation_has_the_models_own_probability(translator: Translator) -> None:
    found = [best for (best,) in translator.stream(TEXTS, search=Greedy())]
    # As far as a text tells its tokens: two spaces are read as one.
    halves = [best.text[: len(best.text) // 2].partition(" ")[0] for best in found]
    halves = [half.partition("⁇")[0] for half in halves]
    assert max(map(len, halves)) > 3
    again = [best for (best,) in translator.stream(TEXTS, search=Greedy(), prefixes=halves)]
    assert [best.target_pieces for best in again] == [best.target_pieces for best in found]
    numbers = [[best.log_probability for best in several] for several in (found, again)]
    np.testing.assert_allclose(*numbers, rtol=1e-5)


@pytest.mark.slow  # Traces a search for each kind of tokenizer: 22 s.
def test_forbidden_words_do_not_occur(translator: Translator) -> None:
    free = translator.translate(TEXTS)
    draw = random.Random(1)
    words = sorted({word for text in free for word in text.split() if len(word) > 1})
    words = [word for word in words if "⁇" not in word]  # No token spells that.
    assert words
    for word in draw.sample(words, min(5, len(words))):
        constraints = forbid([word], translator.target_tokenizer)
        for search in (Greedy(constraints), Beam(3, constraints=constraints)):
            found = translator.translate(TEXTS, search=search)
            assert not any(one.startswith(word) for text in found for one in text.split())


def test_a_long_minimum_raises_the_usual_limit(translator: Translator) -> None:
    search = Greedy(Constraints(minimum_length=60))
    ((found,),) = translator.stream(["e"], search=search)
    assert len(found.target_pieces) == 60


def test_prefixes_are_read_beside_the_texts(translator: Translator) -> None:
    read: list[str] = []

    def told(name: str) -> Iterator[str]:
        for number in range(3):
            read.append(f"{name}{number}")
            yield "a"

    stream = translator.stream(told("text"), prefixes=told("prefix"), window=1)
    next(stream)
    assert read == ["text0", "prefix0"]
    assert len(list(stream)) == 2


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"prefixes": ["a"]}, ValueError, "Received: 1 prefixes for at least 2 texts"),
        ({"prefixes": ["a"] * 3}, ValueError, "Received: more than 2 prefixes for 2 texts"),
        ({"prefixes": "ab"}, TypeError, "`prefixes` must be a list"),
        ({"prefixes": ["a", 4]}, TypeError, "Prefix 2 must be a string. Received: 4"),
        (
            {"prefixes": ["", "abc"], "maximum_length": 3},
            ValueError,
            "Prefix 2 must have fewer tokens than .* 3, end mark included. Received: 3 tokens",
        ),
        (
            {"search": Beam(constraints=Constraints(5)), "maximum_length": 4},
            ValueError,
            "`maximum_length` must be at least `minimum_length`. Received: maximum_length=4",
        ),
        (
            {"search": Beam(constraints=Constraints(forbidden=((99,),)))},
            ValueError,
            r"tokens below 13, .* Received: \(99,\)",
        ),
    ],
)
def test_what_cannot_be_kept_is_told(
    translator: Translator, arguments: Any, error: Any, message: str
) -> None:
    with pytest.raises(error, match=message):
        list(translator.stream(["abc", "dd"], **arguments))


def test_a_translator_keeps_no_constraints_as_its_own(translator: Translator) -> None:
    tokenizers = translator.source_tokenizer, translator.target_tokenizer
    with pytest.raises(ValueError, match="The search of a translator has no constraints"):
        Translator(translator.model, *tokenizers, search=Greedy(Constraints(2)))
    assert set(translator.options) == {
        "beam_size",
        "length_penalty",
        "coverage_penalty",
        "maximum_source_length",
    }

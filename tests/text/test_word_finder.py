"""The word of each id: what a word's ids decode to is the word, however a text is segmented."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_s2s import CharacterTokenizer, SentencePieceTokenizer, Tokenizer, WordTokenizer
from keras_s2s.text.normalization import normalize
from keras_s2s.text.word_finder import WordFinder, words_of

LINES = ["the dog's bone, (once)", "naïve café 10 km…", "한국어 낮말은 새가 듣고", "日本 ▁x ½ ﬁn"]
LETTERS = "".join(sorted(set("".join(LINES)))) + "\u00a0\u3000\t\n"
TOKENIZERS: dict[str, Tokenizer] = {
    "subwords": SentencePieceTokenizer.train(LINES),
    "jamo": SentencePieceTokenizer.train(LINES, normalization="NFD"),
    "words": WordTokenizer.train(LINES),
    "bare words": WordTokenizer.train(LINES, split_punctuation=False),
    "characters": CharacterTokenizer.train(LINES),
    "compatible": CharacterTokenizer.train(LINES, normalization="NFKC"),
}


@pytest.mark.parametrize("name", TOKENIZERS)
@given(text=st.text(LETTERS, max_size=30), seed=st.integers(0, 99))
def test_the_ids_of_a_word_decode_to_the_word(name: str, text: str, seed: int) -> None:
    tokenizer = TOKENIZERS[name]
    finder, ids = WordFinder(tokenizer), tokenizer.encode(text)
    if isinstance(tokenizer, SentencePieceTokenizer) and seed % 2:
        (ids,) = tokenizer.encode_all([text], alpha=0.1, seed=seed)
    found = finder(text, ids)
    assert found.shape == (len(ids),) and found.dtype == np.int64
    words = words_of(text)
    assert set(found.tolist()) <= {-1, *range(len(words))}
    if name in ("words", "bare words"):  # Most words are unknown: their ids are counted.
        counts = [len(tokenizer.encode(word)) for word in words]
        assert np.bincount(found, minlength=len(words)).tolist()[: len(words)] == counts
        return
    for number, word in enumerate(words):
        own = [index for index, of in zip(ids, found, strict=True) if of == number]
        ours, normal = tokenizer.decode(own), normalize(word, tokenizer.normalization)
        without_blanks = str.maketrans("", "", " ")
        assert ours.translate(without_blanks) == normalize(normal).translate(without_blanks)


def test_unknown_ids_and_punctuation_belong_to_their_words() -> None:
    text = "dog ☃☃ (once)."
    words = TOKENIZERS["words"]
    assert WordFinder(words)(text, words.encode(text)).tolist() == [0, 1, 2, 2, 2, 2]
    subwords = TOKENIZERS["subwords"]
    ids = subwords.encode("☃ 日☃本")
    pieces = subwords.pieces(ids)
    found = WordFinder(subwords)("☃ 日☃本", ids).tolist()
    assert [number for number, piece in zip(found, pieces, strict=True) if piece == "<unk>"] == [
        0,
        1,
    ]


def test_blanks_that_normalization_makes_or_takes_do_not_count() -> None:
    finder = WordFinder(TOKENIZERS["compatible"])
    ids = TOKENIZERS["compatible"].encode("10\u00a0km \u3000 ½")
    assert finder("10\u00a0km \u3000 ½", ids).tolist() == [0, 0, -1, 0, 0, -1, 2, 2, 2]


def test_the_first_ids_of_a_text_are_enough_and_a_blank_text_has_none() -> None:
    for tokenizer in TOKENIZERS.values():
        finder, ids = WordFinder(tokenizer), tokenizer.encode("the dog's")
        assert finder("the dog's", ids[:2]).tolist() == finder("the dog's", ids).tolist()[:2]
        assert finder(" \u3000", []).tolist() == []


def test_a_tokenizer_of_ones_own_is_asked_for_its_prefixes() -> None:
    class Pairs(CharacterTokenizer):
        """Two characters at a time."""

        def encode_normalized(self, text: str) -> list[int]:
            return super().encode_normalized(text)[::2]

    pairs: Any = Pairs.train(LINES)
    assert WordFinder(pairs)("dog dog", pairs.encode("dog dog")).tolist() == [0, 0, 1, 1]

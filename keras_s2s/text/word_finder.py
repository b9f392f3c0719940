"""Which word of a text each of its ids belongs to, for alignments between words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from keras_s2s.text.normalization import normalize
from keras_s2s.text.sentencepiece_tokenizer import SentencePieceTokenizer
from keras_s2s.text.symbol_tokenizers import CharacterTokenizer, WordTokenizer
from keras_s2s.text.tokenizer import Tokenizer
from keras_s2s.text.words import JOINER, split_words

_WORD = re.compile(r"[^ \t\n\r\f\v]+")  # As alignment tools separate them: at ASCII white space.
_BLANK = "\u2581"  # SentencePiece's space.


def words_of(text: str) -> list[str]:
    r"""The words of a text: what white space of ASCII separates.

    Example:
        >>> words_of(" ein  Hund, 10\u00a0km ")
        ['ein', 'Hund,', '10\xa0km']
    """
    return _WORD.findall(text)


class WordFinder:
    """Finds the word of each id, whatever the segmentation, a sampled one too.

    The words are those of `words_of(text)`, punctuation included: where a tokenizer separates it,
    several ids belong to a word. The blank between two words belongs to neither where it is an id
    of its own, as in a `CharacterTokenizer`. For a tokenizer class of your own, the ids of the
    first n words are taken to be as many as the ids of a text of these words alone.

    Args:
        tokenizer: The tokenizer.

    Example:
        >>> finder = WordFinder(WordTokenizer.train(["Ein Hund."]))
        >>> finder("Ein Hund.", [4, 5, 6]).tolist()
        [0, 1, 1]
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        find: Callable[[str, Sequence[int]], list[int] | np.ndarray] = self._by_prefixes
        if type(tokenizer) is SentencePieceTokenizer:
            pieces = [piece for piece, _ in tokenizer.vocabulary()]
            self._blanks = np.array([piece.count(_BLANK) for piece in pieces])
            find = self._by_blanks
        elif type(tokenizer) is WordTokenizer:
            find = _of_marked_words if tokenizer.split_punctuation else _of_words
        elif type(tokenizer) is CharacterTokenizer:
            find = _of_characters
        self._find = find

    def __call__(self, text: str, ids: Sequence[int]) -> np.ndarray:
        """The number of the word that each id belongs to.

        Args:
            text: The text.
            ids: Its ids, or the first of them, without marks.

        Returns:
            int64 `[len(ids)]`, numbers from 0; -1 for an id that belongs to no word.
        """
        form = self._tokenizer.normalization
        normal = normalize(text, form)
        found = np.asarray(self._find(normal, ids), np.int64)[: len(ids)]
        words = words_of(text)
        if " ".join(words) == normal:
            return np.minimum(found, len(words) - 1)
        # Normalization may make several words of one, or none.
        counts = [len(normalize(word, form).split()) for word in words]
        owners = np.append(np.repeat(np.arange(len(words)), counts), -1)
        return owners[np.clip(found, -1, len(owners) - 2)]

    def _by_blanks(self, text: str, ids: Sequence[int]) -> np.ndarray:
        before = np.cumsum(self._blanks[np.asarray(ids, np.int64)])
        # SentencePiece puts a blank before a text, unless its model says otherwise.
        return before - 1 if len(before) and before[0] else before

    def _by_prefixes(self, text: str, ids: Sequence[int]) -> np.ndarray:
        words = text.split(" ")
        prefixes = [" ".join(words[: count + 1]) for count in range(len(words))]
        ends = [len(self._tokenizer.encode_normalized(prefix)) for prefix in prefixes]
        found = np.searchsorted(np.maximum.accumulate(ends), np.arange(len(ids)), side="right")
        return np.minimum(found, len(words) - 1)


def _of_words(text: str, _: Sequence[int]) -> np.ndarray:
    return np.arange(len(text.split(" ")) if text else 0)


def _of_marked_words(text: str, _: Sequence[int]) -> list[int]:
    numbers: list[int] = []
    before = JOINER
    for symbol in split_words(text):
        is_joined = before.endswith(JOINER) or symbol.startswith(JOINER)
        number = numbers[-1] if numbers else 0
        numbers.append(number if is_joined else number + 1)
        before = symbol
    return numbers


def _of_characters(text: str, _: Sequence[int]) -> np.ndarray:
    is_blank = np.array([character == " " for character in text], bool)
    return np.where(is_blank, -1, np.cumsum(is_blank))

"""The token sequences that spell a phrase, however a tokenizer takes the text apart."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import product

from keras_s2s.special_ids import END_ID, START_ID, UNK_ID
from keras_s2s.text.normalization import normalize
from keras_s2s.text.sentencepiece_tokenizer import SentencePieceTokenizer
from keras_s2s.text.symbol_tokenizers import CharacterTokenizer, WordTokenizer
from keras_s2s.text.tokenizer import Tokenizer
from keras_s2s.text.words import JOINER, PUNCTUATION, split_words

LONGEST_PHRASE = 99  # Characters.
# Between words, and around what is written without spaces: Thai, Lao, Tibetan, Burmese, Khmer,
# Chinese and Japanese.
_BOUNDARY = re.compile(f"[ ]|{PUNCTUATION}")
_UNSPACED = re.compile("[\u0e00-\u109f\u1780-\u17ff\u2e80-\u312f\u31a0-\u9fff\uf900-\ufaff]")
_SPELLED_BLANKS = {"\u2581": " ", "\x02": "\u2581", "\x03": "\u2585"}


class Spellings:
    """Finds the sequences of ids whose text has a phrase from the beginning of a word.

    Where a word begins and ends is told by spaces and punctuation; in scripts that are written
    without spaces a phrase counts wherever it occurs.

    Args:
        tokenizer: Any tokenizer. One that is not of this package spells a phrase in one way, that
            of its `encode`.

    Attributes:
        boundaries: Ids after which a word may begin.

    Example:
        >>> spellings = Spellings(CharacterTokenizer.train(["a cat"]))
        >>> spellings.boundaries, spellings.of("cat", most=10)
        ((5,), [(2, 6, 4, 7)])
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        symbols = tokenizer.symbols if isinstance(tokenizer, WordTokenizer) else ()
        self._words = {symbol: index for index, symbol in enumerate(symbols, END_ID + 1)}
        self._ids: dict[str, int] = {}
        self._endings: dict[str, list[tuple[str, int]]] = defaultdict(list)
        self._beginnings: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for index, text in enumerate(_texts(tokenizer), END_ID + 1):
            self._ids[text] = index
            for cut in range(1, len(text)):
                self._beginnings[text[:cut]].append((text[cut:], index))
                self._endings[text[cut:]].append((text[:cut], index))
        self.boundaries = tuple(
            index for text, index in self._ids.items() if _BOUNDARY.match(text[-1])
        )

    def of(self, phrase: str, most: int) -> list[tuple[int, ...]]:
        """Return the sequences of a phrase.

        Args:
            phrase: Words, in the case that counts.
            most: The largest number of sequences.

        Returns:
            Sequences of ids. One after the start mark holds at the beginning of a text and after
            `boundaries` alone. None where the vocabulary can't spell the phrase.

        Raises:
            ValueError: The phrase is blank or too long, or has more sequences.
        """
        text = normalize(phrase, self._tokenizer.normalization)
        if not 0 < len(text) <= LONGEST_PHRASE:
            raise ValueError(
                f"A forbidden phrase must have 1 to {LONGEST_PHRASE} characters. Received: "
                f"{phrase[:LONGEST_PHRASE]!r} with {len(text):,}"
            )
        if isinstance(self._tokenizer, WordTokenizer):
            return list(_of_words(text, self._words, self._tokenizer.split_punctuation))
        if not self._ids:
            ids = tuple(self._tokenizer.encode(text))
            return [] if UNK_ID in ids else [ids]
        if (count := self._count(text)) > most:
            raise ValueError(
                f"There is room for {most:,} more spellings of forbidden phrases in tokens. "
                f"Received: {phrase!r} with {count:,}. Forbid fewer or shorter ones."
            )
        return list(self._sequences(text))

    def _sequences(self, text: str) -> Iterator[tuple[int, ...]]:
        rests: dict[int, list[tuple[int, ...]]] = {}
        for start in reversed(range(len(text))):
            rests[start] = [(index,) for index in self._last(text[start:])]
            for end in range(start + 1, len(text)):
                if (index := self._ids.get(text[start:end])) is not None:
                    rests[start] += [(index, *rest) for rest in rests[end]]
        head = (START_ID,) if _needs_boundary(text[0]) else ()
        yield from ((*head, *rest) for rest in rests[0])
        for cut in range(1, len(text)):
            for index in self._first(text[:cut]):
                yield from ((index, *rest) for rest in rests[cut])
        yield from ((index,) for index in self._containing(text))

    def _count(self, text: str) -> int:
        counts: dict[int, int] = {}
        for start in reversed(range(len(text))):
            ends = range(start + 1, len(text))
            known = (counts[end] for end in ends if text[start:end] in self._ids)
            counts[start] = len(self._last(text[start:])) + sum(known)
        firsts = (len(self._first(text[:cut])) * counts[cut] for cut in range(1, len(text)))
        return counts[0] + sum(firsts)

    def _first(self, beginning: str) -> list[int]:
        """Tokens that end with the beginning of a phrase, after something else."""
        needs_boundary = _needs_boundary(beginning[0])
        return [
            index
            for before, index in self._endings.get(beginning, ())
            if not needs_boundary or _BOUNDARY.match(before[-1])
        ]

    def _last(self, rest: str) -> list[int]:
        """Tokens that are the rest of a phrase, or begin with it and end the word there."""
        needs_boundary = _needs_boundary(rest[-1])
        longer = [
            index
            for after, index in self._beginnings.get(rest, ())
            if not needs_boundary or _BOUNDARY.match(after[0])
        ]
        return [self._ids[rest], *longer] if rest in self._ids else longer

    def _containing(self, text: str) -> Iterator[int]:
        """Tokens with a phrase that starts after their own beginning."""
        before = f"({_BOUNDARY.pattern})" if _needs_boundary(text[0]) else "."
        after = f"($|{_BOUNDARY.pattern})" if _needs_boundary(text[-1]) else ""
        pattern = re.compile(f"{before}{re.escape(text)}{after}", re.DOTALL)
        return (
            index for token, index in self._ids.items() if text in token and pattern.search(token)
        )


def _texts(tokenizer: Tokenizer) -> list[str]:
    """The text of each id from 4 on, where that of several is their concatenation."""
    if isinstance(tokenizer, CharacterTokenizer):
        return list(tokenizer.symbols)
    if isinstance(tokenizer, SentencePieceTokenizer):
        table = str.maketrans(_SPELLED_BLANKS)
        return [piece.translate(table) for piece, _ in tokenizer.vocabulary()[END_ID + 1 :]]
    return []


def _needs_boundary(character: str) -> bool:
    """Whether words of a character's script end at spaces or punctuation alone."""
    is_mark = _BOUNDARY.match(character) or _UNSPACED.match(character)
    return not is_mark and character < "\U00020000"


def _of_words(text: str, ids: dict[str, int], split_punctuation: bool) -> Iterator[tuple[int, ...]]:
    """Sequences of whole words; a mark at either end may touch what is beside it, or not."""
    symbols = split_words(text) if split_punctuation else text.split()
    choices = [[symbol] for symbol in symbols]
    if split_punctuation:
        choices[0] = [one for symbol in choices[0] for one in _touching(symbol, "left")]
        choices[-1] = [one for symbol in choices[-1] for one in _touching(symbol, "right")]
    for chosen in product(*choices):
        if all(symbol in ids for symbol in chosen):
            yield tuple(ids[symbol] for symbol in chosen)


def _touching(symbol: str, side: str) -> list[str]:
    """A mark with a space on one side, and without; a word as it is."""
    if not re.search(PUNCTUATION, symbol):
        return [symbol]
    if side == "left":
        bare = symbol.removeprefix(JOINER)
        return [bare, JOINER + bare]
    bare = symbol.removesuffix(JOINER)
    return [bare, bare + JOINER]

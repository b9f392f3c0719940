"""What a corpus looks like: how its texts are written, and how much of it there is."""

from __future__ import annotations

import random
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

from keras_s2s.data.pairs import Pairs

SAMPLE = 20_000  # pairs that are looked at; the pairs of a larger corpus are drawn evenly
HANGUL = "ᄀ", "ᇿ"  # the jamo into which NFD decomposes syllables
UNSPACED = ("THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN", "CJK", "HIRAGANA", "KATAKANA")
NUMBER = re.compile(r"[-+−]?\d[\d.,]*\d")
STOPS = (".", "?", "!", "…", "。", "？", "！", "।", "؟", "։")


class SideProfile(NamedTuple):
    """How the texts of one side are written.

    Attributes:
        characters: Characters of a text, on average.
        words: Words of a text, separated by white space, on average.
        wide: Those of its characters that are as wide as a Chinese one, on average.
        distinct_characters: Different characters, after decomposition by NFD.
        distinct_words: Different words.
        word_length: Characters of a distinct word, on average.
        uses: Occurrences of a distinct word, on average.
        numbers: Share of the words that are numbers of several digits, 0 to 1.
        hangul: Share of Hangul among the letters, 0 to 1.
        unspaced: Share of letters of scripts that are written without spaces, such as Thai, 0 to 1.
        stops: Share of the texts that end like a sentence, 0 to 1.
    """

    characters: float
    words: float
    wide: float
    distinct_characters: int
    distinct_words: int
    word_length: float
    uses: float
    numbers: float
    hangul: float
    unspaced: float
    stops: float

    @property
    def subwords(self) -> float:
        """Subwords of a text, about; in a script without spaces, characters count."""
        return max(1.3 * self.words, (self.characters - self.wide) / 5 + self.wide / 1.5)


class Profile(NamedTuple):
    """What is looked at in a corpus.

    Attributes:
        pairs: Number of pairs.
        source: The sources.
        target: The targets.
        copied: Share of the words of the targets that occur in their own source, 0 to 1; signs of
            punctuation do not count.
        parallel: Share of the pairs whose sides have the same number of words, 0 to 1.
        characters: Different characters of both sides, in all pairs, after composition by NFC.
    """

    pairs: int
    source: SideProfile
    target: SideProfile
    copied: float
    parallel: float
    characters: int


def profile_of(pairs: Pairs) -> Profile:
    """The profile of a corpus, from an even sample of at most 20,000 of its pairs.

    Only the characters are collected from all of them.

    Args:
        pairs: Sources and targets; at least one pair.

    Returns:
        The profile.

    Example:
        >>> found = profile_of([("ab", "A B"), ("ba", "B A")])
        >>> found.pairs, found.source.words, found.target.distinct_words, found.copied
        (2, 1.0, 2, 0.0)
    """
    count = min(len(pairs), SAMPLE)
    sample = [pairs[len(pairs) * i // count] for i in range(count)]
    characters = set[str]()
    for pair in pairs:
        _collect(characters, pair)
    return _profile(sample, len(pairs), len(characters))


def profile_of_stream(pairs: Iterable[tuple[str, str]]) -> Profile:
    """The profile of a corpus that may not fit into memory, from a random sample of its pairs.

    Args:
        pairs: Sources and targets, which are read once.

    Returns:
        The profile.

    Raises:
        ValueError: There is no pair.

    Example:
        >>> profile_of_stream(iter([("ab", "A B"), ("ba", "B A")])).target.uses
        2.0

    Source: Vitter 1985, algorithm R.
    """
    sample: list[tuple[str, str]] = []
    draw, count, characters = random.Random(1), 0, set[str]()
    for count, pair in enumerate(pairs, start=1):
        _collect(characters, pair)
        if count <= SAMPLE:
            sample.append(pair)
        elif (place := int(draw.random() * count)) < SAMPLE:
            sample[place] = pair
    if not sample:
        raise ValueError("A profile needs at least one pair. Received: none.")
    return _profile(sample, count, len(characters))


def _collect(characters: set[str], pair: tuple[str, str]) -> None:
    for text in pair:
        characters.update(unicodedata.normalize("NFC", text))


def _profile(sample: Sequence[tuple[str, str]], count: int, characters: int) -> Profile:
    sources, targets = zip(*sample, strict=True)
    alike = [len(source.split()) == len(target.split()) for source, target in sample]
    return Profile(
        pairs=count,
        source=_side(sources),
        target=_side(targets),
        copied=_copied(sample),
        parallel=sum(alike) / len(alike),
        characters=characters,
    )


def _copied(pairs: Sequence[tuple[str, str]]) -> float:
    """The share of the words of the targets that occur in their own source."""
    words = copied = 0
    for source, target in pairs:
        own = set(source.split())
        others = [word for word in target.split() if any(map(str.isalnum, word))]
        words += len(others)
        copied += sum(word in own for word in others)
    return copied / max(words, 1)


def _is_unspaced(character: str) -> bool:
    return character.isalpha() and unicodedata.name(character, "").startswith(UNSPACED)


def _side(texts: Sequence[str]) -> SideProfile:
    words = Counter(word for text in texts for word in text.split())
    letters = Counter[str]()
    for word, uses in words.items():
        for character in unicodedata.normalize("NFD", word):
            letters[character] += uses
    total = max(sum(words.values()), 1)
    hangul = sum(uses for one, uses in letters.items() if HANGUL[0] <= one <= HANGUL[1])
    alphabetic = sum(uses for one, uses in letters.items() if one.isalpha())
    unspaced = sum(uses for one, uses in letters.items() if _is_unspaced(one))
    numbers = sum(uses for word, uses in words.items() if NUMBER.fullmatch(word))
    characters = Counter(chain.from_iterable(texts))
    wide = (uses for one, uses in characters.items() if unicodedata.east_asian_width(one) in "FW")
    return SideProfile(
        characters=sum(characters.values()) / len(texts),
        words=total / len(texts),
        wide=sum(wide) / len(texts),
        distinct_characters=len(letters),
        distinct_words=len(words),
        word_length=sum(map(len, words)) / max(len(words), 1),
        uses=total / max(len(words), 1),
        numbers=numbers / total,
        hangul=hangul / max(alphabetic, 1),
        unspaced=unspaced / max(alphabetic, 1),
        stops=sum(text.rstrip().endswith(STOPS) for text in texts) / len(texts),
    )

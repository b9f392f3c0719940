"""What a corpus looks like: how its texts are written, and how much of it there is."""

from __future__ import annotations

import random
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from keras_s2s.data.pairs import Pairs

SAMPLE = 20_000  # pairs that are looked at; the pairs of a larger corpus are drawn evenly
HANGUL = "ᄀ", "ᇿ"  # the jamo into which NFD decomposes syllables


class SideProfile(NamedTuple):
    """How the texts of one side are written.

    Attributes:
        characters: Characters of a text, on average.
        words: Words of a text, separated by white space, on average.
        distinct_characters: Different characters, after decomposition by NFD.
        distinct_words: Different words.
        word_length: Characters of a distinct word, on average.
        uses: Occurrences of a distinct word, on average.
        hangul: Share of Hangul among the letters, 0 to 1.
    """

    characters: float
    words: float
    distinct_characters: int
    distinct_words: int
    word_length: float
    uses: float
    hangul: float


class Profile(NamedTuple):
    """What is looked at in a corpus.

    Attributes:
        pairs: Number of pairs.
        source: The sources.
        target: The targets.
        copied: Share of the words of the targets that occur in their own source, 0 to 1.
    """

    pairs: int
    source: SideProfile
    target: SideProfile
    copied: float


def profile_of(pairs: Pairs) -> Profile:
    """The profile of a corpus, from an even sample of at most 20,000 of its pairs.

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
    return _profile([pairs[len(pairs) * i // count] for i in range(count)], len(pairs))


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
    draw, count = random.Random(1), 0
    for count, pair in enumerate(pairs, start=1):
        if count <= SAMPLE:
            sample.append(pair)
        elif (place := int(draw.random() * count)) < SAMPLE:
            sample[place] = pair
    if not sample:
        raise ValueError("A profile needs at least one pair. Received: none.")
    return _profile(sample, count)


def _profile(sample: Sequence[tuple[str, str]], count: int) -> Profile:
    sources, targets = zip(*sample, strict=True)
    return Profile(count, _side(sources), _side(targets), _copied(sample))


def _copied(pairs: Sequence[tuple[str, str]]) -> float:
    """The share of the words of the targets that occur in their own source."""
    words = copied = 0
    for source, target in pairs:
        own, all_words = set(source.split()), target.split()
        words += len(all_words)
        copied += sum(word in own for word in all_words)
    return copied / max(words, 1)


def _side(texts: Sequence[str]) -> SideProfile:
    words = Counter(word for text in texts for word in text.split())
    letters = Counter[str]()
    for word, uses in words.items():
        for character in unicodedata.normalize("NFD", word):
            letters[character] += uses
    total = max(sum(words.values()), 1)
    hangul = sum(uses for one, uses in letters.items() if HANGUL[0] <= one <= HANGUL[1])
    alphabetic = sum(uses for one, uses in letters.items() if one.isalpha())
    return SideProfile(
        characters=sum(map(len, texts)) / len(texts),
        words=total / len(texts),
        distinct_characters=len(letters),
        distinct_words=len(words),
        word_length=sum(map(len, words)) / max(len(words), 1),
        uses=total / max(len(words), 1),
        hangul=hangul / max(alphabetic, 1),
    )

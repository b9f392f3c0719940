"""Generated sources that resemble given ones, drawn from a character n-gram model."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable

ORDER = 4  # Characters before the one that is drawn.
LONGEST = 2  # A drawn source is at most this many times as long as the longest given one.
TRIES = 20  # Draws for each source that is wanted: a few short ones are drawn again and again.


def pseudo_sources(sources: Iterable[str], count: int, seed: int = 1) -> list[str]:
    """Draw texts from a character n-gram model of given ones, with Witten-Bell back-off.

    A character is drawn by how often it follows the last four ones. A history of n occurrences,
    with k different characters behind it, is shortened by its first one with probability
    `k / (n + k)`, and always if it never occurred.

    Args:
        sources: The given texts.
        count: Number of texts to draw.
        seed: Seed of the draws.

    Returns:
        Different texts, none of which is given or blank; fewer than `count` if no more are found.

    Example:
        >>> pseudo_sources(["banana", "bandana", "cabana"], 3)
        ['bnanana', 'ca', 'c']

    Source: Witten and Bell 1991, "The zero-frequency problem", method C.
    """
    given = set(sources)
    followers = _followers(given)
    longest = LONGEST * max(map(len, given), default=0)
    draw, found = random.Random(seed), dict[str, None]()
    for _ in range(TRIES * count):
        if len(found) == count:
            break
        text = _draw(followers, draw, longest)
        if text.strip() and text not in given:
            found[text] = None
    return list(found)


def _followers(texts: Iterable[str]) -> dict[str, Counter[str]]:
    """How often each character follows each history of at most four; "" ends a text."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for text in sorted(texts):  # In one order, for the same draws everywhere.
        for end in range(len(text) + 1):
            for start in range(max(0, end - ORDER), end + 1):
                found[_history(text[start:end], start)][text[end : end + 1]] += 1
    return found


def _history(text: str, start: int) -> str:
    """Characters before one, with a mark where they begin a text."""
    return text if start else f"\n{text}"


def _draw(followers: dict[str, Counter[str]], draw: random.Random, longest: int) -> str:
    text = ""
    while len(text) < longest:
        for start in range(max(0, len(text) - ORDER), len(text) + 1):
            counts = followers.get(_history(text[start:], start))
            if counts is None:
                continue
            total, kinds = sum(counts.values()), len(counts)
            is_last = start == len(text)
            if is_last or draw.random() >= kinds / (total + kinds):
                following = draw.choices(list(counts), list(counts.values()))[0]
                break
        else:
            return text
        if not following:
            return text
        text += following
    return text

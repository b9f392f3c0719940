"""Pairs that are held out for validation, by source, so that no source is on both sides."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from keras_s2s.text.normalization import normalize

DEFAULT_SHARE, DEFAULT_MOST = 0.05, 2000


class HeldOut(NamedTuple):
    """The two parts of pairs, each in their order.

    Attributes:
        training: The pairs to train on.
        validation: The pairs that are held out.
    """

    training: list[tuple[str, str]]
    validation: list[tuple[str, str]]


def hold_out(
    pairs: Iterable[tuple[str, str]],
    share: float = DEFAULT_SHARE,
    seed: int = 1,
    *,
    most: int | None = None,
    normalization: str = "NFC",
) -> HeldOut:
    """Hold out a share of pairs for validation, all pairs of a source together.

    Sources that are equal once they are normalized, as a tokenizer does it, are one source. Which
    ones are held out depends on their text and the seed alone: on their order it does not.

    Args:
        pairs: Sources and targets.
        share: Share of the pairs, above 0 and below 1; a source that would exceed it stays.
        seed: Seed of the choice.
        most: Largest number of pairs to hold out; `None` for no limit.
        normalization: Unicode form of the sources, "NFC", "NFKC" or "NFD".

    Returns:
        The pairs to train on and the pairs for validation, at least one each.

    Raises:
        ValueError: `share` is out of range, or fewer than two sources differ.

    Example:
        >>> pairs = [("a", "1"), ("b", "2"), (" a ", "3"), ("c", "4")]
        >>> training, validation = hold_out(pairs, 0.5, seed=2)
        >>> training, validation
        ([('a', '1'), (' a ', '3')], [('b', '2'), ('c', '4')])
    """
    pairs = list(pairs)
    rows = rows_to_hold_out(pairs, share, seed, most=most, normalization=normalization)
    sides: tuple[list, list] = [], []
    for row, pair in enumerate(pairs):
        sides[row in rows].append(pair)
    return HeldOut(*sides)


def rows_to_hold_out(
    pairs: Sequence[tuple[str, str]],
    share: float,
    seed: int,
    *,
    most: int | None,
    normalization: str,
) -> set[int]:
    """Indices of the pairs that `hold_out` holds out, whose arguments these are."""
    check_share(share)
    if share == 0:
        raise ValueError("`share` must be above 0 to hold out pairs. Received: share=0")
    keys = [normalize(source, normalization) for source, _ in pairs]
    counts: dict[str, int] = {}
    for key in keys:
        counts[key] = counts.get(key, 0) + 1
    if len(counts) < 2:
        raise ValueError(
            "Pairs are held out by source, so at least two sources must differ. Received: "
            f"{len(counts)}. Give validation data, or train with --valid-share 0."
        )
    room = max(1, round(share * len(pairs)))
    room = room if most is None else min(room, most)
    chosen = _chosen(counts, room, seed)
    return {row for row, key in enumerate(keys) if key in chosen}


def _chosen(counts: dict[str, int], room: int, seed: int) -> set[str]:
    """Sources in the order of their places, as long as their pairs fit; at least one."""
    order = sorted(counts, key=lambda key: (place_of(key, seed), key))
    chosen: set[str] = set()
    for key in order[:-1]:  # One source is left to train on.
        if counts[key] <= room:
            chosen.add(key)
            room -= counts[key]
    return chosen or {min(order, key=lambda key: counts[key])}


class Splitter:
    """Splits a stream of pairs as `hold_out` does, by a source's place alone.

    The share is met in the mean, as the number of pairs is not known.

    Args:
        share: Share of the pairs to hold out, 0 to below 1.
        seed: Seed of the choice.
        normalization: Unicode form of the sources.

    Attributes:
        held_out: The number of pairs that were held out so far.

    Example:
        >>> splitter = Splitter(0.5, seed=2)
        >>> lines: list[str] = []
        >>> list(splitter.split([("a", "1"), ("b", "2"), (" a ", "3")], lines.append)), len(lines)
        ([('a', '1'), (' a ', '3')], 1)
    """

    def __init__(self, share: float, seed: int, normalization: str = "NFC") -> None:
        check_share(share, "valid_share")
        self.share, self.seed, self.normalization = share, seed, normalization
        self.held_out = 0

    def split(
        self, rows: Iterable[tuple[str, ...]], write: Callable[[str], Any]
    ) -> Iterator[tuple[str, ...]]:
        """Yields the rows to train on; writes the pairs of the others, a source, a TAB, a target.

        A row is a source, a target and perhaps more fields.
        """
        for row in rows:
            source, target, *_ = row
            key = normalize(source, self.normalization)
            if place_of(key, self.seed) < self.share:
                self.held_out += 1
                write(f"{source}\t{target}")
            else:
                yield row


def place_of(source: str, seed: int) -> float:
    """A number from 0 to below 1 that a normalized source and a seed determine.

    Example:
        >>> place_of("a", 1) == place_of("a", 1) != place_of("a", 2)
        True
    """
    found = hashlib.blake2b(f"{seed}\t{source}".encode(), digest_size=8).digest()
    return int.from_bytes(found, "big") / 2**64


def check_share(share: float, name: str = "share") -> None:
    """Raise ValueError unless a share is at least 0 and below 1."""
    if not 0 <= share < 1:
        raise ValueError(f"`{name}` must be at least 0 and below 1. Received: {name}={share}")

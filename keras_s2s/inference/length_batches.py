"""Which texts are decoded together: those of similar length, as many as memory can hold.

It is for speed alone: no translation depends on the texts that share its batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from keras_s2s.special_ids import PAD_ID

Item = TypeVar("Item")

# Source tokens, padding included, that are encoded together: long texts go in small batches.
SOURCE_CELLS = 16_384
# Attention weights that a search may hold: a quarter of a gigabyte.
WEIGHT_CELLS = 2**26


def windows(texts: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of up to `size` texts, which are sorted by length and translated together.

    Args:
        texts: Any number of them. Where it has a method `must_wait`, which tells whether the next
            text has not come yet, a list ends there.
        size: The most texts of a list.

    Example:
        >>> list(windows("abcde", 2))
        [['a', 'b'], ['c', 'd'], ['e']]
    """
    must_wait = getattr(texts, "must_wait", lambda: False)
    window: list[Item] = []
    for text in texts:
        window.append(text)
        if len(window) == size or must_wait():
            yield window
            window = []
    if window:
        yield window


def batches_by_length(
    lengths: np.ndarray, limits: np.ndarray, batch_size: int, weight_beams: int = 0
) -> Iterator[np.ndarray]:
    """Rows of similar length, the longest first; those of length 0 are left out.

    Args:
        lengths: Tokens of each source, end mark included.
        limits: Longest hypothesis of each in tokens, end mark included.
        batch_size: The most rows of a batch.
        weight_beams: Beams whose attention weights are held; 0 where there are none to hold.

    Example:
        >>> lengths = np.array([3, 0, 9, 4])
        >>> [rows.tolist() for rows in batches_by_length(lengths, 3 * lengths, batch_size=2)]
        [[2, 3], [0]]
    """
    order = np.argsort(-lengths, kind="stable")[: np.count_nonzero(lengths)]
    start = 0
    while start < len(order):
        longest = order[start]
        room = SOURCE_CELLS // lengths[longest]
        if weight_beams:
            cells = weight_beams * lengths[longest] * limits[longest]
            room = min(room, WEIGHT_CELLS // cells)
        count = max(1, min(batch_size, int(room)))
        yield order[start : start + count]
        start += count


def padded(rows: Sequence[Sequence[int]]) -> np.ndarray:
    """Ids as one array, padded on the right to at least one column.

    Args:
        rows: Ids of each text.

    Returns:
        int32 `[B, L]`.

    Example:
        >>> padded([[5, 6], [7]]).tolist()
        [[5, 6], [7, 0]]
    """
    found = np.full((len(rows), max(1, *map(len, rows))), PAD_ID, "int32")
    for row, ids in enumerate(rows):
        found[row, : len(ids)] = ids
    return found

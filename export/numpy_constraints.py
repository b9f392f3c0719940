"""The constraints of a search in NumPy, with the rules of `keras_s2s.search.constrain`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from keras_s2s.search.constraints import Constraints
from keras_s2s.special_ids import END_ID, PAD_ID, START_ID


def constrained(
    own: np.ndarray, ids: Sequence[int], constraints: Constraints, prefix: Sequence[int]
) -> np.ndarray:
    """Return the log-probabilities of the next tokens under constraints.

    Args:
        own: The model's own, float32 `[V]`.
        ids: The hypothesis so far.
        constraints: What it must and must not be.
        prefix: Ids that it must begin with.

    Returns:
        float32 `[V]`; -inf where a token may not follow.
    """
    if len(ids) < len(prefix):
        only = np.full_like(own, -np.inf)
        only[prefix[len(ids)]] = own[prefix[len(ids)]]
        return only
    values = own.copy()
    values[[*set(ids)]] *= np.float32(constraints.repetition_penalty)
    is_banned = np.zeros(len(own), bool)
    is_banned[[PAD_ID, START_ID]] = True
    is_banned[[*_repeating(ids, constraints.no_repeat_ngram_size)]] = True
    is_banned[[*_forbidden(ids, constraints)]] = True
    others = np.delete(is_banned, END_ID)
    if len(ids) + 1 < constraints.minimum_length and not others.all():
        is_banned[END_ID] = True
    values[is_banned] = -np.inf
    return values


def _repeating(ids: Sequence[int], size: int) -> Iterator[int]:
    """What followed the last `size` - 1 ids where they occurred before."""
    if not size or len(ids) < size:
        return
    last = tuple(ids[len(ids) - size + 1 :])
    for end in range(size - 1, len(ids)):
        if tuple(ids[end - size + 1 : end]) == last:
            yield ids[end]


def _forbidden(ids: Sequence[int], constraints: Constraints) -> Iterator[int]:
    """The ids that would complete a forbidden sequence."""
    history = (START_ID, *ids)
    endings = _endings(constraints)
    for length in {len(beginning) for beginning in endings}:
        if length > len(history):
            continue
        last = history[len(history) - length :]
        yield from endings.get(last, ())
        if length and last[0] in constraints.boundaries:
            yield from endings.get((START_ID, *last[1:]), ())


@lru_cache(maxsize=8)
def _endings(constraints: Constraints) -> dict[tuple[int, ...], list[int]]:
    """The last ids of the forbidden sequences, by what comes before them."""
    endings: dict[tuple[int, ...], list[int]] = {}
    for *beginning, last in constraints.forbidden:
        endings.setdefault(tuple(beginning), []).append(last)
    return endings

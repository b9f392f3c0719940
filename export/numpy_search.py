"""The beam search in NumPy, for one sentence: it runs where Keras is not installed.

The rules are those of `keras_s2s.search.beam`; a test compares both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from keras_s2s.inference.translation import Hypothesis
from keras_s2s.search.constraints import Constraints
from keras_s2s.search.strategies import Beam
from keras_s2s.special_ids import END_ID, PAD_ID, START_ID

from .numpy_constraints import constrained

# Takes the last tokens, int32 [K], and states [K, N]; returns logits [K, V], the next states and
# attention weights [K, S], or None.
Step = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, Any]]


class _Partial(NamedTuple):
    """A partial or ended hypothesis."""

    log_probability: float
    score: float
    ids: list[int]
    attention: list[np.ndarray]


def beam_search(
    step: Step,
    state: np.ndarray,
    limit: int,
    search: Beam = Beam(),
    *,
    n_best: int = 1,
    prefix: Sequence[int] = (),
) -> list[Hypothesis]:
    """Find the best hypotheses of one sentence; a beam size of 1 is greedy search.

    Args:
        step: One step for up to K partial hypotheses at once.
        state: Initial state, before the first token, `[N]`.
        limit: Longest hypothesis in tokens, end mark included.
        search: Beam size K, penalties and constraints.
        n_best: The most hypotheses, at most K.
        prefix: Ids that every hypothesis begins with; fewer than `limit`.

    Returns:
        The best first; fewer than `n_best` where there are no more.

    Example:
        >>> def step(tokens, states):  # 4 follows the start mark, the end mark follows 4.
        ...     following = np.where(tokens == 2, 4, 3)
        ...     return 9.0 * np.eye(6, dtype="float32")[following], states, None
        >>> beam_search(step, np.zeros(1, "float32"), 5)[0].ids
        [4, 3]

    Source: Wu et al. 2016, eq. 14.
    """
    live = [_Partial(0.0, 0.0, [], [])]
    tokens, states = np.array([START_ID], "int32"), state[None]
    results: list[_Partial] = []
    ended_count = 0
    for length in range(1, limit + 1):
        logits, states, attention = step(tokens, states)
        found, parents = _expand(live, logits, attention, search, prefix)
        has_ended = [one.ids[-1] == END_ID for one in found]
        within_beam = zip(found[: search.beam_size], has_ended, strict=False)
        ended = [one for one, is_end in within_beam if is_end]
        going = [i for i, is_end in enumerate(has_ended) if not is_end]
        ended_count += len(ended)
        if length == limit and not ended_count:
            ended = [found[i] for i in going]
        # A stable sort: a result stays where it is until a better one displaces it.
        results = sorted([*results, *ended], key=lambda one: -one.score)[:n_best]
        going = going[: search.beam_size]
        live = [found[i] for i in going]
        is_full = len(results) == n_best
        if not live or (is_full and _is_decided(live, results, ended_count, limit, search)):
            break
        tokens = np.array([one.ids[-1] for one in live], "int32")
        states = states[[parents[i] for i in going]]
    return list(map(_hypothesis, results))


def _hypothesis(one: _Partial) -> Hypothesis:
    attention = np.array(one.attention) if one.attention else None
    return Hypothesis(one.score, one.log_probability, one.ids, attention)


def _expand(
    live: list[_Partial],
    logits: np.ndarray,
    attention: Any,
    search: Beam,
    prefix: Sequence[int],
) -> tuple[list[_Partial], list[int]]:
    """The best 2 K continuations of the live hypotheses, and the index of each one's parent."""
    values = logits - logits.max(axis=-1, keepdims=True)
    values -= np.log(np.exp(values).sum(axis=-1, keepdims=True))
    if prefix or search.constraints != Constraints():
        for row, one in zip(values, live, strict=True):
            row[:] = constrained(row, one.ids, search.constraints, prefix)
    values[:, [PAD_ID, START_ID]] = -np.inf
    width = min(search.beam_size + 1, values.shape[1])
    best = [_best_indices(row, width) for row in values]
    totals = np.array(
        [one.log_probability + values[i, best[i]] for i, one in enumerate(live)], "float32"
    )
    found, parents = [], []
    for index in np.argsort(-totals, axis=None, kind="stable")[: 2 * search.beam_size]:
        parent, rank = divmod(int(index), width)
        total, before = float(totals[parent, rank]), live[parent]
        if total == -np.inf:
            break
        ids = [*before.ids, int(best[parent][rank])]
        seen = [] if attention is None else [*before.attention, attention[parent]]
        score = total / _length_divisor(len(ids), search.length_penalty)
        if search.coverage_penalty:
            covered = np.clip(np.sum(seen, axis=0), 1e-10, 1.0)
            score += search.coverage_penalty * float(np.log(covered).sum())
        found.append(_Partial(total, score, ids, seen))
        parents.append(parent)
    return found, parents


def _best_indices(row: np.ndarray, count: int) -> np.ndarray:
    """Indices of the largest values, in descending order of value; of equal ones the first."""
    if count == 1:
        return np.array([int(row.argmax())])
    least = np.partition(row, -count)[-count]
    near = np.flatnonzero(row >= least)
    return near[np.argsort(-row[near], kind="stable")][:count]


def _length_divisor(length: int, penalty: float) -> float:
    try:
        return ((5 + length) / 6) ** penalty
    except OverflowError:
        return math.inf


def _is_decided(
    live: list[_Partial], results: list[_Partial], ended_count: int, limit: int, search: Beam
) -> bool:
    """Whether no live hypothesis can win, or enough have ended and none is ahead now."""
    last = results[-1].score
    divisor = _length_divisor(limit, search.length_penalty)
    if all(one.log_probability / divisor <= last for one in live):
        return True
    return ended_count >= search.beam_size and all(one.score <= last for one in live)

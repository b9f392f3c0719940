"""The searches of the library in NumPy, for one sentence: what runs where there is no Keras.

The rules are those of `keras_s2s.search.search`, and a test holds both against each other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from keras_s2s.special_ids import END_ID, PAD_ID, START_ID

# Takes the last tokens, int32 [K], and states [K, N]; returns logits [K, V], the next states and
# attention weights [K, S], or None.
Step = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, Any]]


class Hypothesis(NamedTuple):
    """One answer: its ids with the end mark, unless it was cut off.

    Attributes:
        score: What hypotheses are ordered by.
        log_probability: Natural logarithm of its probability.
        ids: T ids.
        attention: float32 `[T, S]`, `None` without attention.
    """

    score: float
    log_probability: float
    ids: list[int]
    attention: np.ndarray | None


class _Beam(NamedTuple):
    log_probability: float
    score: float
    ids: list[int]
    attention: list[np.ndarray]


def beam_search(
    step: Step,
    state: np.ndarray,
    limit: int,
    *,
    beam_size: int = 1,
    n_best: int = 1,
    length_penalty: float = 1.0,
    coverage_penalty: float = 0.0,
) -> list[Hypothesis]:
    """Find the best hypotheses of one sentence; a beam of one is the greedy search.

    Args:
        step: One step for K beginnings at once.
        state: Before the first token, `[N]`.
        limit: Longest hypothesis in tokens, end mark included.
        beam_size: K.
        n_best: How many hypotheses, at most K.
        length_penalty: As for `keras_s2s.beam_search`, like the next.
        coverage_penalty: Rewards hypotheses that attend to the whole source.

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
    live = [_Beam(0.0, 0.0, [], [])]
    tokens, states = np.array([START_ID], "int32"), state[None]
    results: list[_Beam] = []
    ended_count = 0
    for length in range(1, limit + 1):
        logits, states, attention = step(tokens, states)
        found, parents = _expand(
            live, logits, attention, beam_size, length_penalty, coverage_penalty
        )
        has_ended = [beam.ids[-1] == END_ID for beam in found]
        ended = [b for b, is_end in zip(found[:beam_size], has_ended, strict=False) if is_end]
        going = [i for i, is_end in enumerate(has_ended) if not is_end]
        ended_count += len(ended)
        if length == limit and not ended_count:
            ended = [found[i] for i in going]
        # A stable sort: a result stays where it is until a better one displaces it.
        results = sorted([*results, *ended], key=lambda beam: -beam.score)[:n_best]
        going = going[:beam_size]
        live = [found[i] for i in going]
        if not live or _is_decided(
            live, results, ended_count, limit, beam_size, n_best, length_penalty
        ):
            break
        tokens = np.array([beam.ids[-1] for beam in live], "int32")
        states = states[[parents[i] for i in going]]
    return [
        Hypothesis(
            b.score, b.log_probability, b.ids, np.array(b.attention) if b.attention else None
        )
        for b in results
    ]


def _expand(
    live: list[_Beam],
    logits: np.ndarray,
    attention: Any,
    beam_size: int,
    length_penalty: float,
    coverage_penalty: float,
) -> tuple[list[_Beam], list[int]]:
    """The best 2 K continuations of all beams, and the beam that each continues."""
    values = logits - logits.max(axis=-1, keepdims=True)
    values -= np.log(np.exp(values).sum(axis=-1, keepdims=True))
    values[:, [PAD_ID, START_ID]] = -np.inf
    width = min(beam_size + 1, values.shape[1])
    best = [_best_places(row, width) for row in values]
    totals = np.array(
        [beam.log_probability + values[i, best[i]] for i, beam in enumerate(live)], "float32"
    )
    found, parents = [], []
    for place in np.argsort(-totals, axis=None, kind="stable")[: 2 * beam_size]:
        parent, rank = divmod(int(place), width)
        total, beam = float(totals[parent, rank]), live[parent]
        if total == -np.inf:
            break
        ids = [*beam.ids, int(best[parent][rank])]
        seen = [] if attention is None else [*beam.attention, attention[parent]]
        score = total / _length_divisor(len(ids), length_penalty)
        if coverage_penalty:
            covered = np.clip(np.sum(seen, axis=0), 1e-10, 1.0)
            score += coverage_penalty * float(np.log(covered).sum())
        found.append(_Beam(total, score, ids, seen))
        parents.append(parent)
    return found, parents


def _best_places(row: np.ndarray, count: int) -> np.ndarray:
    """Places of the largest values, falling; of equals the first."""
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
    live: list[_Beam],
    results: list[_Beam],
    ended_count: int,
    limit: int,
    beam_size: int,
    n_best: int,
    length_penalty: float,
) -> bool:
    """Whether no live beam can win, or enough have ended and none is ahead now."""
    if len(results) < n_best:
        return False
    last = results[-1].score
    divisor = _length_divisor(limit, length_penalty)
    if all(beam.log_probability / divisor <= last for beam in live):
        return True
    return ended_count >= beam_size and all(beam.score <= last for beam in live)

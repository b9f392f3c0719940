"""Greedy search, beam search and sampling over a step function; they know no model.

A step function takes the last token of N rows, int32 `[N]`, and a state, any nested structure of
tensors `[N, ...]`. It returns logits `[N, V]`, the next state of the same structure, and attention
weights `[N, S]` or None. What stays the same from step to step, such as the memory, is in its
closure or in `constants`. All searches run as one loop in the graph and stop when every row has
ended; call them within `tf.function` or `jax.jit`. A row's result depends on that row alone.

With `constants`, in a graph whose batch size is unknown, rows that have ended are dropped: an outer
loop makes the batch smaller.
"""

import math
from collections.abc import Sequence
from typing import Any

from keras import ops

from keras_s2s.search.beam import BeamTask, run_beams
from keras_s2s.search.candidates import (
    best_tokens,
    repeat_rows,
    sampled_tokens,
    uniform_numbers,
)
from keras_s2s.search.inputs import SearchResult, StepFunction, Tensor, search_inputs
from keras_s2s.search.single import run_rows
from keras_s2s.search.strategies import Beam, Sample, check_strategy

__all__ = [
    "SearchResult",
    "StepFunction",
    "beam_search",
    "greedy_search",
    "repeat_rows",
    "sample_search",
]


def greedy_search(
    step: StepFunction,
    state: Any,
    batch_size: int | Tensor,
    *,
    maximum_length: int | Tensor,
    capacity: int | None = None,
    start_id: int = 2,
    end_id: int = 3,
    pad_id: int = 0,
    forbidden_ids: Sequence[int] = (),
    source_mask: Tensor | None = None,
    return_weights: bool = False,
    constants: tuple | None = None,
) -> SearchResult:
    """Take the most likely token at every step.

    Args:
        step: step function, called with N = B rows.
        state: its first state, tensors `[B, ...]`.
        batch_size: B, an integer or an int32 scalar tensor.
        maximum_length: longest hypothesis in tokens, end mark included: an integer, or int32 `[B]`
            with a limit for each row. A row with limit 0 gets no hypothesis.
        capacity: T, room in the results in tokens; the largest limit by default. An integer is
            needed where shapes must be known, as in `jax.jit`.
        start_id: start mark, fed first and never chosen.
        end_id: end mark.
        pad_id: padding, never chosen.
        forbidden_ids: more tokens never to choose. They keep their share of the probability.
        source_mask: bool `[B, S]`, True = real; needed for `return_weights`.
        return_weights: whether to return the attention weights.
        constants: nested structure of tensors `[B, ...]` that every step reads; each is called as
            `step(token, state, *constants)`. None where the step's closure holds them.

    Returns:
        A `SearchResult` with K = 1, scored by log-probability.

    Raises:
        ValueError: An argument is out of range, or the step returns no weights though asked for.
        TypeError: The step is not callable.

    Example:
        >>> from keras import ops
        >>> following = ops.array([0, 0, 4, 0, 5, 3])  # start, then 4, 5 and the end mark
        >>> def step(token, state):
        ...     return 9.0 * ops.one_hot(ops.take(following, token), 6), state, None
        >>> ops.convert_to_numpy(greedy_search(step, (), 1, maximum_length=4).ids).tolist()
        [[[4, 5, 3, 0]]]
    """
    inputs = search_inputs(
        batch_size=batch_size,
        maximum_length=maximum_length,
        capacity=capacity,
        start_id=start_id,
        end_id=end_id,
        pad_id=pad_id,
        forbidden_ids=forbidden_ids,
        source_mask=source_mask,
        return_weights=return_weights,
        constants=constants,
    )

    def choose(logits: Tensor, *_: Tensor) -> tuple[Tensor, Tensor]:
        log_probabilities, tokens = best_tokens(logits, 1, inputs.never_chosen)
        return log_probabilities[:, 0], tokens[:, 0]

    return SearchResult(*run_rows(step, state, choose, inputs))


def sample_search(
    step: StepFunction,
    state: Any,
    batch_size: int | Tensor,
    search: Sample = Sample(),
    *,
    maximum_length: int | Tensor,
    row_ids: Tensor | None = None,
    capacity: int | None = None,
    start_id: int = 2,
    end_id: int = 3,
    pad_id: int = 0,
    forbidden_ids: Sequence[int] = (),
    source_mask: Tensor | None = None,
    return_weights: bool = False,
    constants: tuple | None = None,
) -> SearchResult:
    """Draw every token from the model's distribution, sharpened or truncated as `search` says.

    What a row draws is a function of the seed, its row id and its own logits: it is the same in any
    batch.

    Args:
        step: as in `greedy_search`, like all arguments that are not described here.
        state: its first state.
        batch_size: B.
        search: temperature, cuts and seed, see `Sample`; the seed may be a scalar integer tensor.
        maximum_length: longest hypothesis in tokens.
        row_ids: int32 `[B]`, which tell rows apart; 0 to B - 1 by default.
        capacity: T.
        start_id: start mark.
        end_id: end mark.
        pad_id: padding.
        forbidden_ids: more tokens never to choose.
        source_mask: bool `[B, S]`.
        return_weights: whether to return the attention weights.
        constants: as in `greedy_search`.

    Returns:
        A `SearchResult` with K = 1, scored by the model's own log-probability.

    Raises:
        ValueError: An argument is out of range, or the step returns no weights though asked for.
        TypeError: The step is not callable.

    Example:
        >>> from keras import ops
        >>> def step(token, state):  # Tokens 4 and 5 are equally likely, whatever came before.
        ...     return ops.log([[1e-9, 1e-9, 1e-9, 1e-9, 0.5, 0.5]]), state, None
        >>> ids = sample_search(step, (), 1, Sample(seed=1), maximum_length=6).ids
        >>> sorted(set(ops.convert_to_numpy(ids).ravel().tolist()))
        [4, 5]

    Source: Fan et al. 2018, section 5.1 (top-k); Holtzman et al. 2020, section 3.1 (top-p).
    """
    check_strategy(search)
    inputs = search_inputs(
        batch_size=batch_size,
        maximum_length=maximum_length,
        capacity=capacity,
        start_id=start_id,
        end_id=end_id,
        pad_id=pad_id,
        forbidden_ids=forbidden_ids,
        source_mask=source_mask,
        return_weights=return_weights,
        constants=constants,
    )
    row_ids = ops.arange(batch_size, dtype="int32") if row_ids is None else row_ids
    numbers = uniform_numbers(search.seed, row_ids, inputs.capacity)  # [B, T]

    def choose(logits: Tensor, now: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
        numbers = ops.take(numbers, now, axis=1)
        return sampled_tokens(logits, numbers, search, inputs.never_chosen)

    return SearchResult(*run_rows(step, state, choose, inputs, numbers))


def beam_search(
    step: StepFunction,
    state: Any,
    batch_size: int | Tensor,
    search: Beam = Beam(),
    *,
    maximum_length: int | Tensor,
    n_best: int = 1,
    patience: float = 1.0,
    capacity: int | None = None,
    start_id: int = 2,
    end_id: int = 3,
    pad_id: int = 0,
    forbidden_ids: Sequence[int] = (),
    source_mask: Tensor | None = None,
    return_weights: bool = False,
    constants: tuple | None = None,
) -> SearchResult:
    """Keep the K best partial hypotheses of every row and return its best hypotheses.

    The score is that of `Beam`, where |Y| counts the end mark and an attention sum below 1e-10
    counts as 1e-10. A partial hypothesis whose end mark is among the K best continuations becomes a
    result; K live ones continue. A row is finished at its limit, or when no live hypothesis can
    still overtake the last result, or when `patience * K` hypotheses have ended and no live one is
    ahead of the last result. Hypotheses cut off at the limit are results only if none has ended.

    Args:
        step: as in `greedy_search`, but called with N = B * K rows, those of a sentence together:
            tensors in its closure must be repeated by `repeat_rows(memory, beam_size)`.
        state: its first state, tensors `[B, ...]`; the search repeats and reorders it.
        batch_size: B; this and all arguments that are not described here as in `greedy_search`.
        search: beam size K and penalties, see `Beam`. With K = 1 and the default patience the
            hypothesis is that of the greedy search.
        maximum_length: longest hypothesis in tokens.
        n_best: results for each row, at most K.
        patience: at least 1; with `math.inf` the search continues as long as any result could
            improve, so that stopping early changes nothing.
        capacity: T.
        start_id: start mark.
        end_id: end mark.
        pad_id: padding.
        forbidden_ids: more tokens never to choose.
        source_mask: bool `[B, S]`, True = real; needed for a coverage penalty and `return_weights`.
        return_weights: whether to return the attention weights.
        constants: as in `greedy_search`, `[B, ...]`; the search repeats them.

    Returns:
        A `SearchResult` with `n_best` hypotheses for each row, all different.

    Raises:
        ValueError: An argument is out of range, or the step returns no weights though needed.
        TypeError: The step is not callable.

    Example:
        >>> from keras import ops
        >>> following = ops.array([0, 0, 4, 0, 5, 3])  # start, then 4, 5 and the end mark
        >>> def step(token, state):
        ...     return 9.0 * ops.one_hot(ops.take(following, token), 6), state, None
        >>> result = beam_search(step, (), 1, Beam(2), maximum_length=4)
        >>> ops.convert_to_numpy(result.ids).tolist()
        [[[4, 5, 3, 0]]]

    Source: Wu et al. 2016, eq. 14 (score); Kasai et al. 2022, "A call for clarity in beam search"
    (patience; there the number of ended hypotheses alone decides).
    """
    check_strategy(search, n_best)
    if not 1.0 <= patience <= math.inf:
        raise ValueError(
            f"patience must be from 1.0 to inf. Received: patience={patience}. Pass 1.0 or more."
        )
    inputs = search_inputs(
        batch_size=batch_size,
        maximum_length=maximum_length,
        capacity=capacity,
        start_id=start_id,
        end_id=end_id,
        pad_id=pad_id,
        forbidden_ids=forbidden_ids,
        source_mask=source_mask,
        return_weights=return_weights,
        constants=constants,
        has_coverage_penalty=search.coverage_penalty > 0,
    )
    return SearchResult(*run_beams(step, state, BeamTask(search, n_best, patience, inputs)))

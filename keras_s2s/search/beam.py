"""Beam search over a step function."""

from collections.abc import Sequence
from typing import Any

from keras_s2s.search.beam_loop import BeamTask, run_beams
from keras_s2s.search.input_checks import check_patience, checked_step, search_inputs
from keras_s2s.search.inputs import SearchResult, StepFunction, Tensor
from keras_s2s.search.strategies import Beam
from keras_s2s.search.strategy_checks import check_strategy


def beam_search(
    step: StepFunction,
    state: Any,
    batch_size: int | Tensor,
    search: Beam = Beam(),
    *,
    maximum_length: int | Tensor,
    prefix_ids: Tensor | None = None,
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
        search: beam size K, penalties and constraints, see `Beam`. With K = 1 and the default
            patience the hypothesis is that of the greedy search.
        maximum_length: longest hypothesis in tokens.
        prefix_ids: as in `greedy_search`.
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
    check_patience(patience)
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
        constraints=search.constraints,
        prefix_ids=prefix_ids,
        has_coverage_penalty=search.coverage_penalty > 0,
    )
    step = checked_step(step, state, inputs)
    return run_beams(step, state, BeamTask(search, n_best, patience, inputs))

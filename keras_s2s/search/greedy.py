"""Greedy search over a step function."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from keras_s2s.search.constrain import next_tokens
from keras_s2s.search.input_checks import checked_step, search_inputs
from keras_s2s.search.inputs import Fixed, SearchInputs, SearchResult, StepFunction, Tensor
from keras_s2s.search.single import RowState, run_rows
from keras_s2s.search.strategies import Greedy
from keras_s2s.search.strategy_checks import check_strategy


def greedy_search(
    step: StepFunction,
    state: Any,
    batch_size: int | Tensor,
    search: Greedy = Greedy(),
    *,
    maximum_length: int | Tensor,
    prefix_ids: Tensor | None = None,
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
        search: constraints, see `Greedy`.
        maximum_length: longest hypothesis in tokens, end mark included: an integer, or int32 `[B]`
            with a limit for each row. A row with limit 0 gets no hypothesis.
        prefix_ids: int32 `[B, P]`, the tokens that the hypotheses of each row begin with, padded on
            the right; shorter than the limit. They count with the model's own log-probability,
            whatever is constrained or never chosen. None to force nothing.
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
        constraints=search.constraints,
        prefix_ids=prefix_ids,
    )
    step = checked_step(step, state, inputs)
    return SearchResult(*run_rows(step, state, partial(_choose, inputs=inputs), inputs))


def _choose(
    logits: Tensor, rows: RowState, fixed: Fixed, *, inputs: SearchInputs
) -> tuple[Tensor, Tensor]:
    found = next_tokens(logits, 1, lambda: rows.ids[:, None], rows.step, fixed, inputs)
    log_probabilities, tokens = found
    return log_probabilities[:, 0], tokens[:, 0]

"""The loop of the searches that follow one hypothesis a row: greedy search and sampling."""

from collections.abc import Callable
from typing import Any, NamedTuple

from keras import ops

from keras_s2s.search.inputs import NEVER, Fixed, Search, SearchInputs, StepFunction, Tensor
from keras_s2s.search.loop import run_search_loop
from keras_s2s.search.rows import take_each


class RowState(NamedTuple):
    """What one step of the search hands to the next."""

    step: Tensor  # int32 []: tokens chosen so far
    tokens: Tensor  # int32 [B]: last token of each row
    is_live: Tensor  # bool [B]: rows that have not ended
    log_probabilities: Tensor  # float32 [B]
    ids: Tensor  # int32 [B, T]
    weights: Tensor  # float32 [T, B, S]: attention of every step; () unless asked for
    state: Any  # the step function's own, every tensor [B, ...]


Choose = Callable[[Tensor, RowState, Fixed], tuple[Tensor, Tensor]]


def run_rows(
    step: StepFunction, state: Any, choose: Choose, inputs: SearchInputs, numbers: Tensor = ()
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor | None]:
    """Run the loop and return the fields of a `SearchResult`.

    Args:
        step: step function, checked.
        state: its first state.
        choose: takes logits `[B, V]`, the rows so far and what stays the same, returns the
            log-probabilities float32 `[B]` of the chosen tokens int32 `[B]`.
        inputs: what every search reads.
        numbers: float32 `[B, T]`, what samples are drawn by; none elsewhere.
    """
    search = Search(
        advance=lambda rows, fixed: _advance(step, choose, rows, fixed, inputs),
        is_live=lambda rows: rows.is_live,
        take=_take,
        results=lambda rows: (rows.ids, rows.log_probabilities, _weights_of_results(rows)),
    )
    fixed = Fixed(inputs.limits, (), numbers, inputs.constants or (), inputs.prefix)
    ids, log_probabilities, weights = run_search_loop(
        search, _first_rows(state, inputs), fixed, inputs, beam_size=1
    )
    ids, log_probabilities = ids[:, None], log_probabilities[:, None]
    lengths = ops.sum(ops.cast(ops.not_equal(ids, inputs.pad_id), "int32"), axis=-1)
    weights = weights if inputs.return_weights else None
    return ids, log_probabilities, log_probabilities, lengths, weights


def _weights_of_results(rows: RowState) -> Tensor:
    """Attention weights `[B, 1, T, S]`, if there are any."""
    return (
        () if isinstance(rows.weights, tuple) else ops.transpose(rows.weights, (1, 0, 2))[:, None]
    )


def _take(rows: RowState, indices: Tensor, _: Tensor) -> RowState:
    """Some rows alone."""
    step, weights = rows.step, rows.weights
    taken = take_each(rows._replace(step=(), weights=()), indices)
    if not isinstance(weights, tuple):
        weights = ops.take(weights, indices, axis=1)
    return taken._replace(step=step, weights=weights)


def _first_rows(state: Any, inputs: SearchInputs) -> RowState:
    batch_size = inputs.batch_size
    weights = ()
    if inputs.return_weights:
        shape = (inputs.capacity, batch_size, ops.shape(inputs.source_mask)[1])
        weights = ops.zeros(shape, dtype="float32")
    is_live = inputs.limits > 0
    return RowState(
        step=ops.zeros((), dtype="int32"),
        tokens=ops.full((batch_size,), inputs.start_id, dtype="int32"),
        is_live=is_live,
        log_probabilities=ops.cast(ops.where(is_live, 0.0, NEVER), "float32"),
        ids=ops.full((batch_size, inputs.capacity), inputs.pad_id, dtype="int32"),
        weights=weights,
        state=state,
    )


def _advance(
    step: StepFunction, choose: Choose, rows: RowState, fixed: Fixed, inputs: SearchInputs
) -> RowState:
    """Choose one more token for every live row."""
    logits, state, weights = step(rows.tokens, rows.state, *fixed.constants)
    log_probabilities, tokens = choose(logits, rows, fixed)
    tokens = ops.where(rows.is_live, tokens, inputs.pad_id)
    is_now = ops.equal(ops.arange(inputs.capacity, dtype="int32"), rows.step)
    all_weights = rows.weights
    if inputs.return_weights:
        weights = ops.where(rows.is_live[:, None], ops.cast(weights, "float32"), 0.0)
        now = ops.reshape(rows.step, (1, 1))
        all_weights = ops.scatter_update(all_weights, now, weights[None])
    may_go_on = ops.logical_and(ops.not_equal(tokens, inputs.end_id), rows.step + 1 < fixed.limits)
    return RowState(
        step=rows.step + 1,
        tokens=tokens,
        is_live=ops.logical_and(rows.is_live, may_go_on),
        log_probabilities=rows.log_probabilities + ops.where(rows.is_live, log_probabilities, 0.0),
        ids=ops.where(is_now, tokens[:, None], rows.ids),
        weights=all_weights,
        state=state,
    )

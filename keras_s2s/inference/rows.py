"""The loop of the searches that follow one hypothesis a row: greedy search and sampling."""

from collections.abc import Callable
from typing import Any, NamedTuple

from keras import ops

from keras_s2s.inference.options import NEVER, SearchOptions, StepFunction, Tensor


class RowState(NamedTuple):
    """What one step of the search hands to the next."""

    step: Tensor  # int32 []: tokens chosen so far
    tokens: Tensor  # int32 [B]: last token of each row
    is_live: Tensor  # bool [B]: rows that have not ended
    log_probabilities: Tensor  # float32 [B]
    ids: Tensor  # int32 [B, T]
    weights: Tensor  # float32 [T, B, S]: attention of every step; () unless asked for
    state: Any  # the step function's own, every tensor [B, ...]


def run_rows(
    step: StepFunction,
    state: Any,
    choose: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
    options: SearchOptions,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor | None]:
    """Run the loop and return the fields of a `SearchResult`.

    Args:
        step: step function.
        state: its first state.
        choose: takes logits `[B, V]` and the number of the step, returns the log-probabilities
            float32 `[B]` of the chosen tokens int32 `[B]`.
        options: what is asked for.
    """
    step = options.checked(step, state)
    (final,) = ops.while_loop(
        lambda rows: ops.any(rows.is_live),
        lambda rows: (_advance(step, choose, rows, options),),
        (_first_rows(state, options),),
    )
    ids = final.ids[:, None]
    log_probabilities = final.log_probabilities[:, None]
    lengths = ops.sum(ops.cast(ops.not_equal(ids, options.pad_id), "int32"), axis=-1)
    weights = None
    if options.return_weights:
        weights = ops.transpose(final.weights, (1, 0, 2))[:, None]
    return ids, log_probabilities, log_probabilities, lengths, weights


def _first_rows(state: Any, options: SearchOptions) -> RowState:
    batch_size = options.batch_size
    weights = ()
    if options.return_weights:
        shape = (options.capacity, batch_size, ops.shape(options.source_mask)[1])
        weights = ops.zeros(shape, dtype="float32")
    is_live = options.limits > 0
    return RowState(
        step=ops.zeros((), dtype="int32"),
        tokens=ops.full((batch_size,), options.start_id, dtype="int32"),
        is_live=is_live,
        log_probabilities=ops.cast(ops.where(is_live, 0.0, NEVER), "float32"),
        ids=ops.full((batch_size, options.capacity), options.pad_id, dtype="int32"),
        weights=weights,
        state=state,
    )


def _advance(
    step: StepFunction,
    choose: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
    rows: RowState,
    options: SearchOptions,
) -> RowState:
    """Choose one more token for every live row."""
    logits, state, weights = step(rows.tokens, rows.state)
    log_probabilities, tokens = choose(logits, rows.step)
    tokens = ops.where(rows.is_live, tokens, options.pad_id)
    is_now = ops.equal(ops.arange(options.capacity, dtype="int32"), rows.step)
    all_weights = rows.weights
    if options.return_weights:
        weights = ops.where(rows.is_live[:, None], ops.cast(weights, "float32"), 0.0)
        now = ops.reshape(rows.step, (1, 1))
        all_weights = ops.scatter_update(all_weights, now, weights[None])
    may_go_on = ops.logical_and(
        ops.not_equal(tokens, options.end_id), rows.step + 1 < options.limits
    )
    return RowState(
        step=rows.step + 1,
        tokens=tokens,
        is_live=ops.logical_and(rows.is_live, may_go_on),
        log_probabilities=rows.log_probabilities + ops.where(rows.is_live, log_probabilities, 0.0),
        ids=ops.where(is_now, tokens[:, None], rows.ids),
        weights=all_weights,
        state=state,
    )

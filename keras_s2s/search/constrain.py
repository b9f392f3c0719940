"""The next tokens under constraints, which is off by default: see `Constraints`.

N is a number of hypotheses, C of tokens, F of forbidden sequences, T the room for tokens; the other
letters are those of the package.
"""

from collections.abc import Callable, Iterator
from itertools import groupby

import numpy as np
from keras import ops

from keras_s2s.search.candidates import best_tokens, is_any_of, log_normalizer
from keras_s2s.search.constraints import Constraints
from keras_s2s.search.inputs import NEVER, Fixed, SearchInputs, Tensor
from keras_s2s.search.rows import repeat_rows
from keras_s2s.search.top_values import top_values


def is_constrained(inputs: SearchInputs) -> bool:
    """Whether something is forced or constrained."""
    return inputs.constraints != Constraints() or not isinstance(inputs.prefix, tuple)


def next_tokens(
    logits: Tensor,
    count: int,
    histories: Callable[[], Tensor],
    step: Tensor,
    fixed: Fixed,
    inputs: SearchInputs,
) -> tuple[Tensor, Tensor]:
    """Return the most likely tokens that may follow, see `best_tokens`.

    Args:
        logits: float `[N, V]`, N = B * K.
        count: how many tokens.
        histories: returns the tokens so far, int32 `[B, K, T]`; called where they are needed.
        step: int32 `[]`, how many there are.
        fixed: what the search does not change.
        inputs: constraints and ids.
    """
    if not is_constrained(inputs):
        return best_tokens(logits, count, inputs.never_chosen)
    values = constrained(logits, histories(), step, fixed, inputs)
    return top_values(values, min(count, values.shape[-1]))


def constrained(
    logits: Tensor, histories: Tensor, step: Tensor, fixed: Fixed, inputs: SearchInputs
) -> Tensor:
    """Return the log-probabilities of the next tokens under constraints.

    Args:
        logits: float `[N, V]`, N = B * K.
        histories: int32 `[B, K, T]`, padded after the tokens so far.
        step: int32 `[]`, how many there are.
        fixed: what the search does not change.
        inputs: constraints and ids.

    Returns:
        float32 `[N, V]`; -inf where a token may not follow.
    """
    logits = ops.cast(logits, "float32")
    size, constraints = logits.shape[-1], inputs.constraints
    constraints.check_ids(size, inputs.start_id, inputs.end_id, inputs.pad_id)
    own = logits - log_normalizer(logits, ops.max(logits, axis=-1, keepdims=True))
    ids = ops.reshape(histories, (-1, ops.shape(histories)[-1]))  # [N, T]
    values = own
    if constraints.repetition_penalty != 1.0:
        values = ops.where(_in_rows(ids, size), constraints.repetition_penalty * own, own)
    vocabulary = ops.arange(size, dtype="int32")
    is_banned = is_any_of(vocabulary, inputs.never_chosen)[None]  # [1, V]
    for tokens in _banned_tokens(ids, step, inputs):
        is_banned = ops.logical_or(is_banned, _in_rows(tokens, size))  # [N, V]
    if constraints.minimum_length > 1:
        is_end = ops.equal(vocabulary, inputs.end_id)
        is_stuck = ops.all(ops.logical_or(is_banned, is_end), axis=-1, keepdims=True)
        is_early = ops.logical_and(step + 1 < constraints.minimum_length, is_end)
        is_banned = ops.logical_or(is_banned, ops.logical_and(is_early, ~is_stuck))
    values = ops.where(is_banned, NEVER, values)
    if isinstance(fixed.prefix, tuple):
        return values
    forced = repeat_rows(_forced(fixed.prefix, step, inputs.pad_id), histories.shape[1])[:, None]
    only = ops.where(ops.equal(vocabulary, forced), own, NEVER)
    return ops.where(ops.equal(forced, inputs.pad_id), values, only)


def _forced(prefix: Tensor, step: Tensor, pad_id: int) -> Tensor:
    """The token of each prefix at a step, int32 `[B]`; padding where it is over."""
    length = ops.shape(prefix)[1]
    now = ops.take(prefix, ops.minimum(step, length - 1), axis=1)
    return ops.where(step < length, now, pad_id)


def _banned_tokens(ids: Tensor, step: Tensor, inputs: SearchInputs) -> Iterator[Tensor]:
    """Tokens that may not follow each history, int32 `[N, C]`; padding where there is none."""
    constraints = inputs.constraints
    if constraints.no_repeat_ngram_size:
        yield _repeating(ids, step, constraints.no_repeat_ngram_size, inputs.pad_id)
    starts = ops.full_like(ids[:, :1], inputs.start_id)
    history = ops.concatenate([starts, ids], axis=1) if constraints.forbidden else ids
    for _, sequences in groupby(sorted(constraints.forbidden, key=len), key=len):
        table = np.array(list(sequences), "int32")  # [F, length]
        is_match = _ends_with(history, step + 1, table[:, :-1], inputs)
        yield ops.where(is_match, ops.convert_to_tensor(table[:, -1]), inputs.pad_id)


def _repeating(ids: Tensor, step: Tensor, size: int, pad_id: int) -> Tensor:
    """What followed the last `size` - 1 tokens where they occurred before, int32 `[N, T]`."""
    before = size - 1
    is_match = ops.arange(ops.shape(ids)[1], dtype="int32") + before < step  # [T]
    for place in range(before):
        last = ops.take(ids, ops.maximum(step - before + place, 0), axis=1)[:, None]
        is_match = ops.logical_and(is_match, ops.equal(ops.roll(ids, -place, axis=1), last))
    return ops.where(is_match, ops.roll(ids, -before, axis=1), pad_id)


def _ends_with(ids: Tensor, length: Tensor, beginnings: np.ndarray, inputs: SearchInputs) -> Tensor:
    """Which histories end with which sequences, bool `[N, F]`.

    Args:
        ids: int32 `[N, 1 + T]`, each after the start mark.
        length: int32 `[]`, tokens so far, the start mark included.
        beginnings: int32 `[F, C]`; a start mark at the first place stands for a boundary too.
        inputs: constraints and ids.
    """
    is_match = ops.ones_like(ids[:, :1], dtype="bool")
    for place, column in enumerate(beginnings.T):
        position = length - beginnings.shape[1] + place
        token = ops.take(ids, ops.maximum(position, 0), axis=1)[:, None]  # [N, 1]
        is_same = ops.logical_and(ops.equal(token, column), position >= 0)  # [N, F]
        boundaries = inputs.constraints.boundaries
        if place == 0 and boundaries:
            is_boundary = ops.any(ops.equal(token, np.array(boundaries, "int32")), -1, True)
            may_begin = ops.logical_and(is_boundary, position >= 0)  # [N, 1]
            at_start = ops.logical_and(may_begin, column == inputs.start_id)
            is_same = ops.logical_or(is_same, at_start)
        is_match = ops.logical_and(is_match, is_same)
    return is_match


def _in_rows(tokens: Tensor, size: int) -> Tensor:
    """Which ids below `size` are among the tokens of each row: int32 `[N, C]` to bool `[N, V]`."""
    rows = ops.zeros_like(tokens) + ops.arange(ops.shape(tokens)[0], dtype="int32")[:, None]
    indices = ops.reshape(ops.stack([rows, tokens], axis=-1), (-1, 2))
    ones = ops.ones_like(indices[:, 0], dtype="float32")
    counts = ops.scatter(indices, ones, (ops.shape(tokens)[0], size))
    return ops.reshape(counts, (-1, size)) > 0

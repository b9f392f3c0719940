"""Checks of the arguments that all searches share, made into `SearchInputs`."""

import math
from collections.abc import Sequence
from numbers import Integral
from typing import Any

import keras
from keras import ops

from keras_s2s.search.constraints import Constraints
from keras_s2s.search.inputs import SearchInputs, StepFunction, Tensor
from keras_s2s.search.prefix_checks import checked_prefix
from keras_s2s.search.structure import flatten


def search_inputs(
    *,
    batch_size: int | Tensor,
    maximum_length: int | Tensor,
    capacity: int | None,
    start_id: int,
    end_id: int,
    pad_id: int,
    forbidden_ids: Sequence[int],
    source_mask: Tensor | None,
    return_weights: bool,
    constants: tuple | None,
    constraints: Constraints,
    prefix_ids: Tensor | None,
    has_coverage_penalty: bool = False,
) -> SearchInputs:
    """Check what the public functions were called with.

    Raises:
        ValueError: An argument is out of range, or the source mask is missing though needed.
    """
    marks = {"start_id": start_id, "end_id": end_id, "pad_id": pad_id}
    if _is_integer(batch_size):
        _check_at_least("batch_size", batch_size, 1)
    needs_weights = return_weights or has_coverage_penalty
    never_chosen = (pad_id, start_id, *map(int, forbidden_ids))
    _check_ids(start_id, end_id, pad_id, forbidden_ids)
    limits, room = _limits_and_room(batch_size, maximum_length, capacity)
    if needs_weights:
        _check_source_mask(source_mask)
    return SearchInputs(
        batch_size=batch_size,
        limits=limits,
        capacity=room,
        **marks,
        never_chosen=never_chosen,
        source_mask=source_mask,
        return_weights=return_weights,
        needs_weights=needs_weights,
        constants=constants,
        constraints=constraints,
        prefix=checked_prefix(prefix_ids, batch_size, limits, **marks),
    )


def checked_step(step: StepFunction, state: Any, inputs: SearchInputs) -> StepFunction:
    """Return the step with its outputs checked whenever it is traced.

    Raises:
        TypeError: It is not callable.
        ValueError: A tensor of the first state has another number of rows, or, once the step is
            called, what it returns is not what a search needs.
    """
    if not callable(step):
        raise TypeError(
            "A search needs a step function `step(token, state) -> (logits, state, weights)`. "
            f"Received: step={step!r}. Pass the function itself."
        )
    for tensor in flatten((state, inputs.constants or ())):
        shape = tuple(tensor.shape)
        if not (shape and _may_be(shape[0], inputs.batch_size)):
            raise ValueError(
                "Every tensor of the first state and of the constants needs "
                f"batch_size={inputs.batch_size} rows. Received: shape={shape}. Pass those of B "
                "sentences; the beam search repeats them itself."
            )

    def checked(token: Tensor, state: Any, *constants: Any) -> tuple[Tensor, Any, Tensor | None]:
        logits, state, weights = step(token, state, *constants)
        if len(logits.shape) != 2 or logits.shape[1] is None:
            raise ValueError(
                "The step function must return logits [N, V] with a known V. "
                f"Received: shape={tuple(logits.shape)}. Return one row of logits per token."
            )
        if weights is None and inputs.needs_weights:
            raise ValueError(
                "The coverage penalty and return_weights need attention weights [N, S] from "
                "the step function. Received: weights=None. Return them, or turn both off."
            )
        return logits, state, weights

    return checked


def check_patience(patience: float) -> None:
    """Raise ValueError unless the patience of a beam search is at least 1."""
    if not 1.0 <= patience <= math.inf:
        raise ValueError(
            f"patience must be from 1.0 to inf. Received: patience={patience}. Pass 1.0 or more."
        )


def _check_ids(start_id: int, end_id: int, pad_id: int, forbidden_ids: Sequence[int]) -> None:
    received = (
        f"Received: start_id={start_id}, end_id={end_id}, pad_id={pad_id}, "
        f"forbidden_ids={forbidden_ids}."
    )
    never_chosen = (pad_id, start_id, *map(int, forbidden_ids))
    if min(*never_chosen, end_id) < 0:
        raise ValueError(f"Token ids count from 0. {received} Pass the ids of the tokenizer.")
    if end_id in never_chosen:
        raise ValueError(
            f"The end mark must be allowed and differ from start mark and padding. {received} "
            "Leave end_id out of the others."
        )


def _limits_and_room(
    batch_size: int | Tensor, maximum_length: int | Tensor, capacity: int | None
) -> tuple[Tensor, int | Tensor]:
    """The limit of each row, int32 `[B]`, and the room for tokens T."""
    if capacity is not None:
        _check_at_least("capacity", capacity, 1)
    if _is_integer(maximum_length):
        _check_at_least("maximum_length", maximum_length, 1)
        limits = ops.full((batch_size,), maximum_length, dtype="int32")
        room = capacity or maximum_length
    else:
        limits = ops.convert_to_tensor(maximum_length, dtype="int32")
        shape = tuple(limits.shape)
        if len(shape) != 1 or not _may_be(shape[0], batch_size):
            raise ValueError(
                "maximum_length must be an integer or one integer for each row, [B]. "
                f"Received: shape={shape}. Pass one limit per sentence."
            )
        room = capacity or _largest(limits)
    return ops.minimum(limits, room), room


def _check_source_mask(source_mask: Tensor | None) -> None:
    if source_mask is None or len(source_mask.shape) != 2:
        shape = None if source_mask is None else tuple(source_mask.shape)
        raise ValueError(
            "The coverage penalty and return_weights need source_mask, bool [B, S]. "
            f"Received: shape={shape}. Pass the mask of the source tokens."
        )


def _may_be(size: int | None, batch_size: int | Tensor) -> bool:
    """Whether a dimension can be that of the rows."""
    return size in (None, batch_size) if _is_integer(batch_size) else True


def _is_integer(value: Any) -> bool:
    return isinstance(value, Integral)  # NumPy's integers too.


def _check_at_least(name: str, value: int, least: int) -> None:
    if not _is_integer(value) or value < least:
        raise ValueError(
            f"{name} must be an integer, at least {least}. Received: {name}={value!r}. "
            f"Pass {least} or more."
        )


def _largest(limits: Tensor) -> int | Tensor:
    """Return the largest limit: an integer where its value is known, or else a tensor."""
    largest = ops.max(limits)
    try:
        return max(int(largest), 1)
    except TypeError as error:  # A tensor without a value yet, inside a traced function.
        if keras.backend.backend() == "tensorflow":
            return ops.maximum(largest, 1)
        raise ValueError(
            "The room for the results must be known here. Received: capacity=None with traced "
            "limits. Pass capacity, an integer no smaller than the largest limit."
        ) from error

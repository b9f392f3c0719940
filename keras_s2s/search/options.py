"""What a search is asked for, checked at the door, and what it gives."""

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any, NamedTuple, TypeAlias

import keras
from keras import ops

from keras_s2s.search.structure import flatten

Tensor: TypeAlias = Any  # A tensor of the backend that Keras runs on.
StepFunction: TypeAlias = Callable[..., tuple[Tensor, Any, Tensor | None]]

NEVER = -math.inf  # Log-probability and score of what does not exist.


class SearchResult(NamedTuple):
    """What a search found: K hypotheses for each of B rows, the best first, in room for T tokens.

    A hypothesis ends with the end mark, or without it where its limit cut it off. Where a row has
    fewer than K hypotheses, the rest have score -inf, length 0 and nothing but padding.
    """

    ids: Tensor  # int32 [B, K, T]: without start mark, padded on the right
    scores: Tensor  # float32 [B, K]: what the hypotheses are ordered by
    log_probabilities: Tensor  # float32 [B, K]: sum over the tokens, end mark included
    lengths: Tensor  # int32 [B, K]: tokens, end mark included
    weights: (
        Tensor | None
    )  # float32 [B, K, T, S]: attention, zero behind the end; None unless asked


@dataclass(kw_only=True)
class SearchOptions:
    """What stays the same during one search; the arguments are those of the public functions."""

    batch_size: int | Tensor  # B
    maximum_length: int | Tensor
    capacity: Any  # T; an integer or an int32 scalar tensor once it has been checked
    start_id: int
    end_id: int
    pad_id: int
    forbidden_ids: Sequence[int]
    source_mask: Tensor | None  # bool [B, S]
    return_weights: bool
    constants: tuple | None  # of the step: tensors [B, ...]; None where its closure holds them
    limits: Tensor = field(init=False)  # int32 [B]: longest hypothesis of each row in tokens
    never_chosen: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        if _is_integer(self.batch_size):
            _check_at_least("batch_size", self.batch_size, 1)
        self._check_ids()
        self._set_limits()
        self._check_source_mask()

    @property
    def needs_weights(self) -> bool:
        """Whether the search reads the step's attention weights."""
        return self.return_weights

    def checked(self, step: StepFunction, state: Any) -> StepFunction:
        """Return the step with its outputs checked whenever it is traced."""
        if not callable(step):
            raise TypeError(
                "A search needs a step function `step(token, state) -> (logits, state, weights)`. "
                f"Received: step={step!r}. Pass the function itself."
            )
        for tensor in flatten((state, self.constants or ())):
            shape = tuple(tensor.shape)
            if not (shape and self._may_be_batch_size(shape[0])):
                raise ValueError(
                    "Every tensor of the first state and of the constants needs "
                    f"batch_size={self.batch_size} rows. Received: shape={shape}. Pass those of B "
                    "sentences; the beam search repeats them itself."
                )

        def checked_step(
            token: Tensor, state: Any, *constants: Any
        ) -> tuple[Tensor, Any, Tensor | None]:
            logits, state, weights = step(token, state, *constants)
            if len(logits.shape) != 2 or logits.shape[1] is None:
                raise ValueError(
                    "The step function must return logits [N, V] with a known V. "
                    f"Received: shape={tuple(logits.shape)}. Return one row of logits a token."
                )
            if weights is None and self.needs_weights:
                raise ValueError(
                    "The coverage penalty and return_weights need attention weights [N, S] from "
                    "the step function. Received: weights=None. Return them, or turn both off."
                )
            return logits, state, weights

        return checked_step

    def may_drop_rows(self, tensors: Any) -> bool:
        """Whether a loop may go on with fewer rows: all that it reads is at hand, of any length."""
        if self.constants is None or _is_integer(self.batch_size):
            return False
        return all(tensor.shape[0] is None for tensor in flatten(tensors))

    def _may_be_batch_size(self, size: int | None) -> bool:
        return size in (None, self.batch_size) if _is_integer(self.batch_size) else True

    def _check_ids(self) -> None:
        self.never_chosen = (self.pad_id, self.start_id, *map(int, self.forbidden_ids))
        if min(*self.never_chosen, self.end_id) < 0:
            raise ValueError(
                "Token ids count from 0. "
                f"Received: start_id={self.start_id}, end_id={self.end_id}, pad_id={self.pad_id}, "
                f"forbidden_ids={self.forbidden_ids}. Pass the ids of the tokenizer."
            )
        if self.end_id in self.never_chosen:
            raise ValueError(
                "The end mark must be allowed and differ from start mark and padding. "
                f"Received: start_id={self.start_id}, end_id={self.end_id}, pad_id={self.pad_id}, "
                f"forbidden_ids={self.forbidden_ids}. Leave end_id out of the others."
            )

    def _set_limits(self) -> None:
        if self.capacity is not None:
            _check_at_least("capacity", self.capacity, 1)
        if _is_integer(self.maximum_length):
            _check_at_least("maximum_length", self.maximum_length, 1)
            self.limits = ops.full((self.batch_size,), self.maximum_length, dtype="int32")
            self.capacity = self.capacity or self.maximum_length
        else:
            self.limits = ops.convert_to_tensor(self.maximum_length, dtype="int32")
            shape = tuple(self.limits.shape)
            if len(shape) != 1 or not self._may_be_batch_size(shape[0]):
                raise ValueError(
                    "maximum_length must be an integer or one integer for each row, [B]. "
                    f"Received: shape={shape}. Pass one limit a sentence."
                )
            self.capacity = self.capacity or _largest(self.limits)
        self.limits = ops.minimum(self.limits, self.capacity)

    def _check_source_mask(self) -> None:
        if self.needs_weights and (self.source_mask is None or len(self.source_mask.shape) != 2):
            shape = None if self.source_mask is None else tuple(self.source_mask.shape)
            raise ValueError(
                "The coverage penalty and return_weights need source_mask, bool [B, S]. "
                f"Received: shape={shape}. Pass the mask of the source tokens."
            )


@dataclass(kw_only=True)
class BeamOptions(SearchOptions):
    """The same for the beam search."""

    beam_size: int  # K
    n_best: int  # R
    length_penalty: float
    coverage_penalty: float
    patience: float

    def __post_init__(self) -> None:
        _check_at_least("beam_size", self.beam_size, 1)
        _check_at_least("n_best", self.n_best, 1)
        if self.n_best > self.beam_size:
            raise ValueError(
                "A beam search finds at most beam_size hypotheses. "
                f"Received: n_best={self.n_best}, beam_size={self.beam_size}. Widen the beam."
            )
        for name, least, most in (
            ("length_penalty", 0.0, sys.float_info.max),
            ("coverage_penalty", 0.0, sys.float_info.max),
            ("patience", 1.0, math.inf),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                raise ValueError(
                    f"{name} must be from {least} to {most}. Received: {name}={value}. "
                    f"Pass {least} or more."
                )
        super().__post_init__()

    @property
    def needs_weights(self) -> bool:
        """Whether the search reads the step's attention weights."""
        return self.return_weights or self.coverage_penalty > 0


def check_sampling(seed: int | Tensor, temperature: float, top_k: int, top_p: float) -> None:
    """Check the arguments that only sampling has."""
    if _is_integer(seed) and not 0 <= seed < 2**32:
        raise ValueError(
            f"seed must be from 0 to 2**32 - 1. Received: seed={seed}. Pass seed % 2**32."
        )
    if not 0 < temperature < math.inf:
        raise ValueError(
            f"temperature must be above 0 and finite. Received: temperature={temperature}. "
            "Use greedy_search where nothing should be left to chance."
        )
    _check_at_least("top_k", top_k, 0)
    if not 0 < top_p <= 1:
        raise ValueError(
            f"top_p must be above 0 and at most 1. Received: top_p={top_p}. Pass 1.0 to keep all."
        )


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

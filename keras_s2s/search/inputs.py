"""The records of every search: what it reads, what tells it from another, what it returns."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from keras_s2s.search.constraints import Constraints

Tensor: TypeAlias = Any  # A tensor of the backend that Keras runs on.
StepFunction: TypeAlias = Callable[..., tuple[Tensor, Any, Tensor | None]]

NEVER = -math.inf  # Log-probability and score of what does not exist.


class SearchResult(NamedTuple):
    """The hypotheses of a search: K for each of B rows, the best first, with room for T tokens.

    A hypothesis ends with the end mark unless it was cut off at its limit. Where a row has fewer
    than K hypotheses, the rest have score -inf, length 0 and only padding.
    """

    ids: Tensor  # int32 [B, K, T]: without start mark, padded on the right
    scores: Tensor  # float32 [B, K]: what the hypotheses are ordered by
    log_probabilities: Tensor  # float32 [B, K]: sum over the tokens, end mark included
    lengths: Tensor  # int32 [B, K]: tokens, end mark included
    weights: Tensor | None  # float32 [B, K, T, S]: attention, 0 after the end; None unless asked


@dataclass(frozen=True, kw_only=True)
class SearchInputs:
    """What stays the same during one search, whichever it is; made by `search_inputs`."""

    batch_size: int | Tensor  # B
    limits: Tensor  # int32 [B]: longest hypothesis of each row in tokens
    capacity: int | Tensor  # T
    start_id: int
    end_id: int
    pad_id: int
    never_chosen: tuple[int, ...]
    source_mask: Tensor | None  # bool [B, S]
    return_weights: bool
    needs_weights: bool  # whether the search reads the attention weights of the step
    constants: tuple | None  # of the step: tensors [B, ...]; None where its closure holds them
    constraints: Constraints
    prefix: Tensor  # int32 [B, P]: what the hypotheses begin with; () where nothing is forced


class Fixed(NamedTuple):
    """What a search reads of its N sentences and never changes."""

    limits: Tensor  # int32 [N]: longest hypothesis in tokens
    source_mask: Tensor  # bool [N, S]; () unless it is needed
    numbers: Tensor  # float32 [N, T]: what a sample is drawn by; () in other searches
    constants: tuple  # the step's own, tensors [N, ...]; [N * K, ...] inside the loop
    prefix: Tensor  # int32 [N, P]; () where nothing is forced


class Search(NamedTuple):
    """What tells one search from another. Its carry is what one step hands to the next."""

    advance: Callable[[Any, Fixed], Any]  # the carry after one more token
    is_live: Callable[[Any], Tensor]  # bool [N]: sentences that have not ended
    take: Callable[[Any, Tensor, Tensor], Any]  # the carry of some sentences [M], rows [M * K]
    results: Callable[[Any], Any]  # nested structure of tensors [N, ...]

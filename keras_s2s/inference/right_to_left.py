"""Models that predict targets from right to left, the last token first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_s2s.inference.forced_protocol import ForcedBackend, ForcedTarget
from keras_s2s.inference.translation import Hypothesis
from keras_s2s.search.constraints import Constraints
from keras_s2s.search.strategies import Strategy
from keras_s2s.special_ids import END_ID

if TYPE_CHECKING:
    from keras_s2s.inference.protocol import SearchBackend


def opposite_order(ids: Sequence[int]) -> list[int]:
    """The positions of ids in the opposite order; an end mark stays the last.

    Example:
        >>> opposite_order([7, 8, 9, END_ID]), opposite_order([7, 8, 9])
        ([2, 1, 0, 3], [2, 1, 0])
    """
    count = len(ids)
    is_ended = count > 0 and ids[-1] == END_ID
    return [*range(count - 1 - is_ended, -1, -1), *([count - 1] if is_ended else [])]


class ReversedBackend:
    """A search whose hypotheses are turned around, see `SearchBackend`.

    Args:
        backend: That of a model which predicts targets from right to left.
    """

    maximum_batch_size = None

    def __init__(self, backend: SearchBackend) -> None:
        self._backend = backend
        self.has_attention = backend.has_attention

    def check(self, search: Strategy) -> None:
        """Raise ValueError for constraints, which need a target that grows from left to right."""
        check_unconstrained(search)

    def find(
        self,
        sources: list[list[int]],
        limits: np.ndarray,
        positions: np.ndarray,
        search: Strategy,
        n_best: int,
        attention: bool,
        prefixes: list[list[int]] | None = None,
    ) -> Iterator[list[Hypothesis]]:
        """Decode a batch, see `SearchBackend`."""
        check_no_prefixes(prefixes)
        for found in self._backend.find(sources, limits, positions, search, n_best, attention):
            yield [_turned(one) for one in found]


def _turned(found: Hypothesis) -> Hypothesis:
    order, weights = opposite_order(found.ids), found.attention
    ids = [found.ids[position] for position in order]
    return found._replace(ids=ids, attention=None if weights is None else weights[order])


class ReversedForced:
    """Reads targets from right to left, see `ForcedBackend`.

    Args:
        backend: That of a model which predicts targets from right to left.
    """

    def __init__(self, backend: ForcedBackend) -> None:
        self._backend = backend
        self.has_attention = backend.has_attention

    def force(
        self, sources: list[list[int]], targets: list[list[int]], attention: bool
    ) -> Iterator[ForcedTarget]:
        """Compute a batch, see `ForcedBackend`."""
        orders = [opposite_order(ids) for ids in targets]
        turned = [[ids[one] for one in order] for ids, order in zip(targets, orders, strict=True)]
        found = self._backend.force(sources, turned, attention)
        for order, (logs, weights) in zip(orders, found, strict=True):
            yield ForcedTarget(logs[order], None if weights is None else weights[order])


def check_unconstrained(search: Any) -> None:
    """Raise ValueError if a search has constraints."""
    if search.constraints != Constraints():
        raise ValueError(
            "A right-to-left model supports no constraints. Received: "
            f"constraints={search.constraints!r}. Leave them out, or use only models that predict "
            "from left to right."
        )


def check_no_prefixes(prefixes: Any) -> None:
    """Raise ValueError if there are prefixes."""
    if prefixes is not None:
        raise ValueError(
            "A right-to-left model cannot continue a prefix. Received: prefixes. Leave them out, "
            "or use only models that predict from left to right."
        )

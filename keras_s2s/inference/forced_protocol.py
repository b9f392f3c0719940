"""What reads given targets, whatever runs the model, and what it returns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np


class ForcedTarget(NamedTuple):
    """What a model says to one target.

    Attributes:
        log_probabilities: Natural logarithm of the probability of each token, given the source and
            the tokens before, float32 `[T]`.
        attention: Attention weights, float32 `[T, S]`; `None` where there are none.
    """

    log_probabilities: np.ndarray
    attention: np.ndarray | None


class ForcedBackend(Protocol):
    """What computes a batch: a model in a graph, or an export in its runtime."""

    @property
    def has_attention(self) -> bool:
        """Whether there are attention weights to return."""
        ...

    def force(
        self, sources: list[list[int]], targets: list[list[int]], attention: bool
    ) -> Iterable[ForcedTarget]:
        """Compute a batch.

        Args:
            sources: Ids of each source, end mark included.
            targets: Ids of each target, end mark included.
            attention: Whether attention weights are needed.

        Returns:
            What is found for each pair, in order.
        """
        ...

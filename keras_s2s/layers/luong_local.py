"""Luong's local attention: a query reads a window of the source around a position p."""

from __future__ import annotations

from typing import Any, NamedTuple

from keras import ops

from keras_s2s.layers.attention import both, masked_softmax, with_steps
from keras_s2s.layers.dense import Dense

ALIGNMENTS = ("monotonic", "predictive")


class WindowWeights(NamedTuple):
    """What the windows of all queries of a sentence depend on."""

    length: Any  # S', the number of real tokens, float32 [B, 1]
    position: Any = None  # Dense [U, A], W_p of "predictive"
    vector: Any = None  # v_p of "predictive", [A]


class Window:
    """Where a query may read.

    - "monotonic" (the paper's local-m): `p = t` for the target token t, at most the source's last
    - "predictive" (local-p): `p = S' sigmoid(v_p . tanh(W_p q))`

    Args:
        kind: "monotonic" or "predictive".
        size: D, the tokens on either side of p that are read.

    Source: Luong et al. 2015, section 3.2, eq. 9 and 10.
    """

    def __init__(self, kind: str, size: int) -> None:
        self.kind = kind
        self.size = size

    def step_weights(
        self, memory: Any, memory_mask: Any, position: Any, vector: Any
    ) -> WindowWeights:
        """What is the same for all queries, see `Attention.step_weights`.

        Args:
            memory: `[B, S, M]`.
            memory_mask: Boolean `[B, S]`, True = real token; `None` = all are real.
            position: W_p, `[U, A]`; `None` for "monotonic".
            vector: v_p, `[A]`; `None` for "monotonic".
        """
        real = ops.ones_like(memory[..., 0]) if memory_mask is None else memory_mask
        length = ops.sum(ops.cast(real, "float32"), axis=1, keepdims=True)
        return WindowWeights(length, None if position is None else Dense(position), vector)

    def align(
        self, scores: Any, mask: Any, query: Any, position: Any, weights: WindowWeights
    ) -> Any:
        """The attention weights in the window, of the shape of `scores`.

        Args:
            scores: `[B, S]` or `[B, T, S]`.
            mask: Boolean, broadcastable to `scores`, True = real token; `None` = all are real.
            query: `[B, U]` or `[B, T, U]`.
            position: The query's position in the target, see `Attention.attend`.
            weights: `step_weights(...)`.
        """
        positions = ops.arange(ops.shape(scores)[-1], dtype="float32")
        distance = positions - self._center(query, position, weights)  # s - p
        alignment = masked_softmax(scores, both(mask, ops.abs(distance) <= self.size))
        if self.kind == "monotonic":
            return alignment
        deviation = self.size / 2
        nearness = ops.exp(-ops.square(distance) / (2 * deviation**2))
        return alignment * ops.cast(nearness, alignment.dtype)  # eq. 10

    def _center(self, query: Any, position: Any, weights: WindowWeights) -> Any:
        """The position p in the middle of the window, float32 `[B, 1]` or `[B, T, 1]`."""
        length: Any = with_steps(weights.length, query)
        if self.kind == "monotonic":
            return ops.minimum(position, length - 1)
        bent = ops.tanh(weights.position(query)) * weights.vector
        share = ops.sigmoid(ops.sum(ops.cast(bent, "float32"), axis=-1, keepdims=True))
        return length * share  # eq. 9

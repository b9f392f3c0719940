"""What passes between the positions of a target, and what one position computes."""

from __future__ import annotations

from typing import Any, NamedTuple


class DecoderState(NamedTuple):
    """What a step hands to the next one.

    Attributes:
        layers: For each layer `(h, c)` or `(h,)`, each `[B, U]`.
        attentional: The attentional vector of the last step, `[B, R]`; `()` without input feeding.
        position: Steps done, float32 `[B, 1]`; `()` unless the attention asks for it.
    """

    layers: tuple
    attentional: Any
    position: Any = ()


class Position(NamedTuple):
    """What one position computes."""

    hidden: Any  # [B, U]
    context: Any  # [B, M], () without attention
    weights: Any  # [B, S], () without attention
    attentional: Any  # [B, R], () without input feeding


class Noise(NamedTuple):
    """Dropout's factors for one position, or for all; `()` where nothing is dropped."""

    layers: Any = ()  # for each layer but the last [B, U]
    attentional: Any = ()  # [B, R]

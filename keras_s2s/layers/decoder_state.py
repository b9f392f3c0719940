"""What passes between the positions of a target, and what one position computes."""

from __future__ import annotations

from typing import Any, NamedTuple


class DecoderState(NamedTuple):
    """What a step hands to the next one."""

    layers: tuple  # for each layer (h, c) or (h,), each [B, U]
    attentional: Any = None  # the attentional vector of the last step, [B, R], if it is fed
    position: Any = None  # steps done, float32 [B, 1], if the attention asks for it


class StepOutput(NamedTuple):
    """What one position computes."""

    hidden: Any  # [B, U]
    context: Any = None  # [B, M], with attention
    alignment: Any = None  # attention weights [B, S], with attention
    attentional: Any = None  # [B, R], with input feeding


class DropoutMasks(NamedTuple):
    """The factors of dropout, for one position `[B, ...]` or for all of them `[T, B, ...]`."""

    layers: Any = None  # for each layer but the last [B, U]
    attentional: Any = None  # [B, R], with input feeding


class LayerWeights(NamedTuple):
    """One recurrent layer."""

    cell: Any  # `cell.step_weights()`
    inputs: Any  # Dense, W and b; None of the first layer, whose inputs are projected before


class DecoderWeights(NamedTuple):
    """What every step multiplies with; the same for all sentences."""

    embedding: Any  # Dense, W and b of the first layer, for the embedding; None inside a scan
    layers: tuple  # of LayerWeights
    fed: Any = None  # Dense, W of the first layer, for context and attentional vector
    readout: Any = None  # Dense [M + U, R], or None
    vocabulary: Any = None  # V, [R, V]; the embedding [V, R] if it is tied
    gate: Any = None  # Dense [R, 1], of a decoder that copies

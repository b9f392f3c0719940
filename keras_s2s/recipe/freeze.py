"""Parts of a model that a training leaves as they are."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras_s2s.model import Seq2Seq


def _embedding(layer: Any) -> list[Any]:
    found = getattr(layer, "embedding", None)
    return [] if found is None else list(found.weights)


def _output(model: Seq2Seq) -> list[Any]:
    decoder = model.decoder
    return _embedding(decoder) if decoder.tie_embeddings else [decoder.output_kernel]


def _attention(model: Seq2Seq) -> list[Any]:
    return [] if model.decoder.attention is None else list(model.decoder.attention.weights)


PARTS: dict[str, Callable[[Any], list[Any]]] = {
    "encoder": lambda model: list(model.encoder.weights),
    "decoder": lambda model: list(model.decoder.weights),
    "embeddings": lambda model: _embedding(model.encoder) + _embedding(model.decoder),
    "source-embeddings": lambda model: _embedding(model.encoder),
    "target-embeddings": lambda model: _embedding(model.decoder),
    "attention": _attention,
    "output": _output,
}


def check_parts(parts: Sequence[str]) -> None:
    """Raise ValueError unless each part is one of `PARTS`."""
    if isinstance(parts, str):
        raise TypeError(f"`freeze` must be a list of parts. Received: freeze={parts!r}")
    for part in parts:
        if part not in PARTS:
            raise ValueError(
                f"`freeze` must name parts of a model: {', '.join(PARTS)}. Received: {part!r}"
            )


def freeze(model: Seq2Seq, parts: Sequence[str]) -> int:
    """Make the weights of some parts untrainable.

    A matrix that several parts share is frozen in all of them. The flags are those of the
    variables, which are not saved: a model that is loaded again is trainable.

    Args:
        model: A model that is built and not compiled yet.
        parts: Names in `PARTS`.

    Returns:
        The number of weights (numbers) that are frozen.

    Raises:
        ValueError: A part is unknown or has no weights in this model, or nothing is left to train.
    """
    check_parts(parts)
    frozen: dict[int, Any] = {}
    for part in parts:
        weights = PARTS[part](model)
        if not weights:
            raise ValueError(
                f"A part that is frozen must have weights. Received: {part!r}, which has none in "
                "this model. Leave it out."
            )
        frozen |= {id(weight): weight for weight in weights}
    for weight in frozen.values():
        weight.trainable = False
    if not model.trainable_weights:
        raise ValueError(
            "Some weights must be left to train. Received: freeze="
            f"{', '.join(parts)}, which is the whole model. Leave out one of them."
        )
    return sum(math.prod(weight.shape) for weight in frozen.values())

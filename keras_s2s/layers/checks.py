"""Checks of arguments that encoder and decoder share."""

from __future__ import annotations


def check_dropout(name: str, value: float) -> None:
    """Raise ValueError unless `value` is a probability below 1."""
    if not 0 <= value < 1:
        raise ValueError(f"`{name}` must be at least 0 and below 1. Received: {name}={value}")


def check_embedding_dimension(value: int | None) -> None:
    """Raise ValueError if a size is given that is below 1."""
    if value is not None and value < 1:
        raise ValueError(
            f"`embedding_dimension` must be at least 1. Received: embedding_dimension={value}"
        )

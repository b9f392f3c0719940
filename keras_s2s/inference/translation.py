"""An answer, as every translator gives it: the Keras one and those of exported models."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np


class Translation(NamedTuple):
    """One answer to one text.

    Attributes:
        text: The answer.
        score: What the search ordered its hypotheses by, see `beam_search`.
        log_probability: Natural logarithm of the answer's probability, end mark included.
        source_pieces: The S pieces that the encoder read, end mark included.
        target_pieces: The T pieces of the answer; the last is the end mark unless it was cut off.
        weights: Attention, float32 `[T, S]`; `None` unless asked for.
    """

    text: str
    score: float
    log_probability: float
    source_pieces: list[str]
    target_pieces: list[str]
    weights: np.ndarray | None


def too_long(number: int, count: int, most: int) -> str:
    """Words the error for a text that would have to be cut.

    Args:
        number: Of the text, from 1.
        count: Its tokens, end mark included.
        most: That are read.
    """
    return (
        f"Text {number} must have at most {most:,} tokens, end mark included. Received: {count:,} "
        "tokens. Shorten it, or have it cut, without `strict`."
    )

"""What a search and a translator return: hypotheses as ids, translations as texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np


class Hypothesis(NamedTuple):
    """One hypothesis of a search: its ids with the end mark, unless it was cut off.

    Attributes:
        score: What hypotheses are ordered by.
        log_probability: Natural logarithm of its probability.
        ids: T ids.
        attention: Attention weights, float32 `[T, S]`; `None` where there are none.
    """

    score: float
    log_probability: float
    ids: list[int]
    attention: np.ndarray | None


class Translation(NamedTuple):
    """One translation of one text.

    Attributes:
        text: The translation.
        score: What the search ordered its hypotheses by, see `Beam`.
        log_probability: Natural logarithm of the translation's probability, end mark included.
        source_pieces: The S tokens that the encoder read, end mark included.
        target_pieces: The T tokens of the translation; the last is the end mark unless it was cut
            off.
        weights: Attention weights, float32 `[T, S]`; `None` unless asked for.
    """

    text: str
    score: float
    log_probability: float
    source_pieces: list[str]
    target_pieces: list[str]
    weights: np.ndarray | None

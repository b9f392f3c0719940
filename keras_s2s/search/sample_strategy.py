"""Sampling as an object, as the strategies of `strategies.py`: without Keras and NumPy."""

import math
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from keras_s2s.search.constraints import Constraints


@dataclass(frozen=True)
class Sample:
    """Sampling: draw every token from the model's distribution, sharpened or truncated.

    The same seed draws the same hypotheses. `top_p` without `top_k` sorts the whole vocabulary at
    every step; pass both for speed.

    Args:
        temperature: Divides the logits; below 1 sharpens, above 1 flattens the distribution.
        top_k: Draw from this many most likely tokens only; 0 for all.
        top_p: Draw from the smallest set of most likely tokens whose probabilities sum to at least
            this; of the `top_k` tokens where both are given.
        seed: Integer from 0 to 2**32 - 1, or a scalar integer tensor, which needs no new trace.
        constraints: What the hypothesis must and must not be.

    Raises:
        ValueError: A number is out of range.

    Example:
        >>> Sample(top_p=0.9)
        Sample(temperature=1.0, top_k=0, top_p=0.9, seed=0, constraints=Constraints())

    Source: Fan et al. 2018, section 5.1 (top-k); Holtzman et al. 2020, section 3.1 (top-p).
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int | Any = 0
    constraints: Constraints = Constraints()

    def __post_init__(self) -> None:
        if isinstance(self.seed, Integral) and not 0 <= int(self.seed) < 2**32:
            raise ValueError(
                f"`seed` must be at least 0 and below 2**32. Received: seed={self.seed}."
            )
        if not 0 < self.temperature < math.inf:
            raise ValueError(
                "`temperature` must be above 0 and finite. Received: "
                f"temperature={self.temperature}. Use greedy search where nothing should be left "
                "to chance."
            )
        if not isinstance(self.top_k, Integral) or self.top_k < 0:
            raise ValueError(
                f"`top_k` must be an integer, at least 0. Received: top_k={self.top_k!r}. "
                "Pass 0 or more."
            )
        if not 0 < self.top_p <= 1:
            raise ValueError(
                f"`top_p` must be above 0 and at most 1. Received: top_p={self.top_p}. "
                "Pass 1.0 to keep all."
            )

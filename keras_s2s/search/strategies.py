"""The decoding strategies as objects: what a user chooses, passed whole from there to the loop.

They import neither Keras nor NumPy, so exported translators use the same objects.
"""

import math
from dataclasses import dataclass
from numbers import Integral
from typing import Any, TypeAlias

from keras_s2s.search.checks import check_at_least, check_whole


@dataclass(frozen=True)
class Greedy:
    """Greedy search: take the most likely token at every step.

    Example:
        >>> Greedy() == Greedy()
        True
    """


@dataclass(frozen=True)
class Beam:
    """Beam search: keep the most likely partial hypotheses at every step.

    A hypothesis Y with attention weights p[j, i] of token j to source position i has the score::

        log P(Y) / ((5 + |Y|) / 6) ** length_penalty
            + coverage_penalty * sum_i log(min(sum_j p[j, i], 1))

    Args:
        beam_size: K, the number of partial hypotheses that are kept.
        length_penalty: Exponent of the length normalization; 0 for none, higher values favor
            longer hypotheses.
        coverage_penalty: Weight of the coverage penalty; 0 for none, higher values favor
            hypotheses that attend to the whole source.

    Raises:
        ValueError: A number is out of range.

    Example:
        >>> Beam(beam_size=4)
        Beam(beam_size=4, length_penalty=1.0, coverage_penalty=0.0)

    Source: Wu et al. 2016, "Google's Neural Machine Translation System", eq. 14.
    """

    beam_size: int = 5
    length_penalty: float = 1.0
    coverage_penalty: float = 0.0

    def __post_init__(self) -> None:
        check_whole(1, beam_size=self.beam_size)
        check_at_least(
            0, length_penalty=self.length_penalty, coverage_penalty=self.coverage_penalty
        )


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

    Raises:
        ValueError: A number is out of range.

    Example:
        >>> Sample(top_p=0.9)
        Sample(temperature=1.0, top_k=0, top_p=0.9, seed=0)

    Source: Fan et al. 2018, section 5.1 (top-k); Holtzman et al. 2020, section 3.1 (top-p).
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int | Any = 0

    def __post_init__(self) -> None:
        if isinstance(self.seed, Integral) and not 0 <= int(self.seed) < 2**32:
            raise ValueError(
                f"seed must be from 0 to 2**32 - 1. Received: seed={self.seed}. Pass seed % 2**32."
            )
        if not 0 < self.temperature < math.inf:
            raise ValueError(
                "temperature must be above 0 and finite. Received: "
                f"temperature={self.temperature}. Use Greedy() where nothing should be left to "
                "chance."
            )
        if not isinstance(self.top_k, Integral) or self.top_k < 0:
            raise ValueError(
                f"top_k must be an integer, at least 0. Received: top_k={self.top_k!r}. "
                "Pass 0 or more."
            )
        if not 0 < self.top_p <= 1:
            raise ValueError(
                f"top_p must be above 0 and at most 1. Received: top_p={self.top_p}. "
                "Pass 1.0 to keep all."
            )


Strategy: TypeAlias = Greedy | Beam | Sample


def check_strategy(search: Any, n_best: int = 1) -> None:
    """Raise unless an object is a strategy that can find `n_best` hypotheses.

    Raises:
        TypeError: It is no strategy.
        ValueError: `n_best` is out of range.
    """
    if not isinstance(search, (Greedy, Beam, Sample)):
        raise TypeError(
            "`search` must be a Greedy, Beam or Sample object of keras_s2s. "
            f"Received: search={search!r}"
        )
    check_whole(1, n_best=n_best)
    if n_best > (most := beam_size_of(search)):
        raise ValueError(
            "`n_best` can be at most `beam_size`, and 1 with sampling. "
            f"Received: n_best={n_best}, beam_size={most}"
        )


def beam_size_of(search: Strategy) -> int:
    """The number of hypotheses that a search follows for each sentence."""
    return search.beam_size if isinstance(search, Beam) else 1


def as_beam(search: Greedy | Beam) -> Beam:
    """The same search as the numbers of a beam, as files keep them: greedy search is a beam of one.

    Example:
        >>> as_beam(Greedy())
        Beam(beam_size=1, length_penalty=1.0, coverage_penalty=0.0)
    """
    return search if isinstance(search, Beam) else Beam(beam_size=1)

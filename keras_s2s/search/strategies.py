"""The decoding strategies as objects: what a user chooses, passed whole from there to the loop.

They import neither Keras nor NumPy, so exported translators use the same objects.
"""

from dataclasses import dataclass
from typing import TypeAlias

from keras_s2s.search.checks import check_at_least, check_whole
from keras_s2s.search.constraints import Constraints
from keras_s2s.search.sample_strategy import Sample


@dataclass(frozen=True)
class Greedy:
    """Greedy search: take the most likely token at every step.

    Args:
        constraints: What the hypothesis must and must not be.

    Example:
        >>> Greedy() == Greedy()
        True
    """

    constraints: Constraints = Constraints()


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
        constraints: What the hypotheses must and must not be.

    Raises:
        ValueError: A number is out of range.

    Example:
        >>> Beam(beam_size=4)
        Beam(beam_size=4, length_penalty=1.0, coverage_penalty=0.0, constraints=Constraints())

    Source: Wu et al. 2016, "Google's Neural Machine Translation System", eq. 14.
    """

    beam_size: int = 5
    length_penalty: float = 1.0
    coverage_penalty: float = 0.0
    constraints: Constraints = Constraints()

    def __post_init__(self) -> None:
        check_whole(1, beam_size=self.beam_size)
        check_at_least(
            0, length_penalty=self.length_penalty, coverage_penalty=self.coverage_penalty
        )


Strategy: TypeAlias = Greedy | Beam | Sample


def beam_size_of(search: Strategy) -> int:
    """The number of hypotheses that a search follows for each sentence."""
    return search.beam_size if isinstance(search, Beam) else 1

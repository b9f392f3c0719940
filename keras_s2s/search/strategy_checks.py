"""Whether an object is a decoding strategy that can find what is asked of it."""

from typing import Any

from keras_s2s.search.checks import check_whole
from keras_s2s.search.sample_strategy import Sample
from keras_s2s.search.strategies import Beam, Greedy, beam_size_of


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
    if not isinstance(search, Sample) and n_best > (most := beam_size_of(search)):
        raise ValueError(
            "`n_best` must be at most the beam size; samples can be any number. Received: "
            f"n_best={n_best}, beam_size={most}. Raise the beam size, or draw samples."
        )

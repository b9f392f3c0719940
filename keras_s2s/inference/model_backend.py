"""A model as a search backend: a batch of ids is padded, decoded and cut into hypotheses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from keras import ops

from keras_s2s.inference.length_batches import padded
from keras_s2s.inference.translation import Hypothesis
from keras_s2s.search.inputs import SearchResult
from keras_s2s.search.strategies import Strategy
from keras_s2s.search.structure import map_tensors


class ModelBackend:
    """Decodes with the weights that a model has now, see `SearchBackend`.

    Args:
        model: A `Seq2Seq`, or an `Ensemble`.
        run: Its `run_search`, in graphs where there are any.
    """

    maximum_batch_size = None

    def __init__(self, model: Any, run: Callable[..., SearchResult]) -> None:
        self.has_attention = model.decoder.attention is not None
        self._weights = model.decoder.step_weights()
        self._run = run

    def check(self, search: Strategy) -> None:
        """Do nothing: a model has every search."""

    def find(
        self,
        sources: list[list[int]],
        limits: np.ndarray,
        positions: np.ndarray,
        search: Strategy,
        n_best: int,
        attention: bool,
        prefixes: list[list[int]] | None = None,
    ) -> Iterator[list[Hypothesis]]:
        """Decode a batch, see `SearchBackend`."""
        found = self._run(
            padded(sources),
            limits.astype("int32"),
            search,
            n_best=n_best,
            return_weights=attention,
            row_ids=(positions % 2**31).astype("int32"),
            weights=self._weights,
            prefix_ids=None if prefixes is None else padded(prefixes),
        )
        arrays = map_tensors(ops.convert_to_numpy, found)
        for row, ids in enumerate(sources):
            of_row = [None if array is None else array[row] for array in arrays]
            yield _hypotheses(SearchResult(*of_row), len(ids))


def _hypotheses(found: SearchResult, source_length: int) -> list[Hypothesis]:
    """What was found for one source, as arrays without B."""
    weights = found.weights
    return [
        Hypothesis(
            score=float(found.scores[number]),
            log_probability=float(found.log_probabilities[number]),
            ids=found.ids[number, :length].tolist(),
            attention=None if weights is None else weights[number, :length, :source_length],
        )
        for number, length in enumerate(found.lengths)
        if length  # There may be fewer hypotheses than were asked for.
    ]

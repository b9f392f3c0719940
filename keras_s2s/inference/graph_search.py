"""The search of one model as graphs: under TensorFlow each kind of search is traced once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from keras import backend, ops

from keras_s2s.inference.model_search import run_search
from keras_s2s.inference.translation import Hypothesis
from keras_s2s.search.inputs import SearchResult
from keras_s2s.search.sample_strategy import Sample
from keras_s2s.search.strategies import Strategy
from keras_s2s.search.structure import flatten, pack
from keras_s2s.special_ids import PAD_ID

Function = Callable[..., SearchResult]


class GraphKey(NamedTuple):
    """What a graph is made for."""

    search: Strategy
    n_best: int
    attention: bool


class GraphSearch:
    """The searches of one model, each made into a graph when it is first asked for.

    Args:
        model: A `Seq2Seq`, or an `Ensemble`.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self._functions: dict[GraphKey, Function] = {}

    def backend(self) -> ModelBackend:
        """What decodes with the weights as they are now, prepared once for many batches."""
        return ModelBackend(self, self.model.decoder.step_weights())

    def function(self, key: GraphKey, weights: Any) -> Function:
        """The function that runs one kind of search."""
        if key not in self._functions:
            self._functions[key] = self._make(key, weights)
        return self._functions[key]

    def _make(self, key: GraphKey, weights: Any) -> Function:
        def search(source: Any, limits: Any, row_ids: Any, seed: Any, flat: Any) -> SearchResult:
            chosen = key.search
            return run_search(
                self.model,
                source,
                limits,
                replace(chosen, seed=seed) if isinstance(chosen, Sample) else chosen,
                n_best=key.n_best,
                return_weights=key.attention,
                row_ids=row_ids,
                weights=pack(weights, flat),
            )

        return _in_graph(search, weights) if backend.backend() == "tensorflow" else search


def _in_graph(search: Function, weights: Any) -> Function:
    """One graph for sources of any number and length, and for all seeds."""
    import tensorflow as tf

    matrix, vector, scalar = ([None] * rank for rank in (2, 1, 0))
    signature = [
        tf.TensorSpec(matrix, tf.int32),
        tf.TensorSpec(vector, tf.int32),
        tf.TensorSpec(vector, tf.int32),
        tf.TensorSpec(scalar, tf.int64),
        [tf.TensorSpec(value.shape, value.dtype) for value in flatten(weights)],
    ]
    return tf.function(search, input_signature=signature, autograph=False)


@dataclass(frozen=True)
class ModelBackend:
    """Decodes with one model, see `SearchBackend`.

    Attributes:
        searches: The graphs of the model.
        weights: `model.decoder.step_weights()`.
    """

    searches: GraphSearch
    weights: Any

    @property
    def has_attention(self) -> bool:
        """Whether the model has attention."""
        return self.searches.model.decoder.attention is not None

    @property
    def maximum_batch_size(self) -> int | None:
        """None: a model decodes any number of sources together."""
        return None

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
    ) -> Iterator[list[Hypothesis]]:
        """Decode a batch, see `SearchBackend`."""
        padded = np.full((len(sources), max(map(len, sources))), PAD_ID, "int32")
        for row, ids in enumerate(sources):
            padded[row, : len(ids)] = ids
        seed = 0
        if isinstance(search, Sample):  # Another seed needs no other graph.
            seed, search = search.seed, replace(search, seed=0)
        function = self.searches.function(GraphKey(search, n_best, attention), self.weights)
        found = function(
            padded,
            limits.astype("int32"),
            (positions % 2**31).astype("int32"),
            np.int64(seed),
            flatten(self.weights),
        )
        arrays = [None if part is None else ops.convert_to_numpy(part) for part in found]
        for row, ids in enumerate(sources):
            yield _hypotheses([None if part is None else part[row] for part in arrays], len(ids))


def _hypotheses(found: list[Any], source_length: int) -> list[Hypothesis]:
    """What a `SearchResult` holds for one source."""
    ids, scores, log_probabilities, lengths, all_weights = found
    hypotheses = []
    for number, length in enumerate(lengths):
        if not length:  # There were fewer hypotheses than asked for.
            continue
        weights = None if all_weights is None else all_weights[number, :length, :source_length]
        hypotheses.append(
            Hypothesis(
                score=float(scores[number]),
                log_probability=float(log_probabilities[number]),
                ids=ids[number, :length].tolist(),
                attention=weights,
            )
        )
    return hypotheses

"""The search of one model as graphs: under TensorFlow each kind of search is traced once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from keras import backend

from keras_s2s.layers.forks import check_not_forked
from keras_s2s.search.inputs import SearchResult
from keras_s2s.search.sample_strategy import Sample
from keras_s2s.search.strategies import Strategy
from keras_s2s.search.structure import flatten, pack

Function = Callable[..., SearchResult]


class GraphKey(NamedTuple):
    """What a graph is made for."""

    search: Strategy
    n_best: int
    return_weights: bool
    has_prefix: bool


class GraphSearch:
    """The searches of one model, each made into a graph when it is first asked for.

    It takes the arguments of `run_search`, as arrays, and returns the same.

    Args:
        run: `run_search` of a model.
    """

    def __init__(self, run: Function) -> None:
        check_not_forked()
        self._run = run
        self._functions: dict[GraphKey, Function] = {}

    def __getstate__(self) -> dict[str, Any]:
        """The state without the graphs, which are made again where they are asked for."""
        return {**vars(self), "_functions": {}}

    def in_this_process(self) -> GraphSearch:
        """The same.

        Raises:
            RuntimeError: The process was forked after it had been made.
        """
        check_not_forked()
        return self

    def __call__(
        self,
        source: np.ndarray,
        limits: np.ndarray,
        search: Strategy,
        *,
        n_best: int,
        return_weights: bool,
        row_ids: np.ndarray,
        weights: Any,
        prefix_ids: np.ndarray | None = None,
    ) -> SearchResult:
        """Run one kind of search."""
        seed = 0
        if isinstance(search, Sample):  # Another seed needs no other graph.
            seed, search = search.seed, replace(search, seed=0)
        key = GraphKey(search, n_best, return_weights, prefix_ids is not None)
        if key not in self._functions:
            self._functions[key] = self._make(key, weights)
        given = (source, limits, row_ids, np.int64(seed), flatten(weights), flatten(prefix_ids))
        return self._functions[key](*given)

    def _make(self, key: GraphKey, weights: Any) -> Function:
        def search(
            source: Any, limits: Any, row_ids: Any, seed: Any, flat: Any, prefix: Any
        ) -> SearchResult:
            chosen = key.search
            return self._run(
                source,
                limits,
                replace(chosen, seed=seed) if isinstance(chosen, Sample) else chosen,
                n_best=key.n_best,
                return_weights=key.return_weights,
                row_ids=row_ids,
                weights=pack(weights, flat),
                prefix_ids=prefix[0] if prefix else None,
            )

        return _in_graph(search, weights, key) if backend.backend() == "tensorflow" else search


def _in_graph(search: Function, weights: Any, key: GraphKey) -> Function:
    """One graph for sources of any number and length, and for all seeds."""
    import tensorflow as tf

    matrix, vector, scalar = ([None] * rank for rank in (2, 1, 0))
    signature = [
        tf.TensorSpec(matrix, tf.int32),
        tf.TensorSpec(vector, tf.int32),
        tf.TensorSpec(vector, tf.int32),
        tf.TensorSpec(scalar, tf.int64),
        [tf.TensorSpec(value.shape, value.dtype) for value in flatten(weights)],
        [tf.TensorSpec(matrix, tf.int32)] if key.has_prefix else [],
    ]
    return tf.function(search, input_signature=signature, autograph=False)

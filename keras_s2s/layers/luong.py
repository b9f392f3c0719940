"""Luong's attention, global and local."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
from keras import ops

from keras_s2s.layers.attention import Attention, both, with_steps
from keras_s2s.layers.checks import check_luong, check_luong_sizes
from keras_s2s.layers.dense import Dense
from keras_s2s.layers.luong_local import Window
from keras_s2s.search.structure import map_tensors


class LuongWeights(NamedTuple):
    """What every query of a sentence meets, see `AttentionWeights`."""

    memory: Dense  # [B, S, M]
    memory_mask: Any  # boolean [B, S], or None
    keys: Any = None  # Dense [B, A, S] of "dot" and "general", keys [B, S, A] of "concat"
    query: Any = None  # Dense [U, A], W of "concat"
    vector: Any = None  # v of "concat", [A]
    location: Any = None  # Dense [U, S] of "location"
    window: Any = None  # `WindowWeights`, if local


@keras.saving.register_keras_serializable("keras_s2s")
class LuongAttention(Attention):
    """Multiplicative attention, Luong's "concat" and "location", each global or local.

    1. `score(q, m)` is `q . m` ("dot"), `q . W m` ("general"), `v . tanh(W q + U m)` ("concat"),
       or, for source position s, `w_s . q` ("location"), which ignores the memory
    2. `weights = softmax(scores)` over the real tokens of the source; if `local`, over those
       within D of source position p
    3. `context = sum of weights * memory`

    If `local` is "monotonic" (the paper's local-m), `p = t` for the target token t, at most the
    source's last token. If it is "predictive" (local-p), `p = S' sigmoid(v_p . tanh(W_p q))` where
    S' is the number of real tokens, and the weights are multiplied by
    `exp(-(s - p)^2 / (2 (D / 2)^2))`. Positions s and t count from 0.

    In a `Decoder` the query is the state after the cell.

    Args:
        units: Size of the query; for "concat" the size of the space in which both are added.
        score: "dot", "general", "concat" or "location".
        scaled: Divide the scores by the square root of `units` ("dot" and "general").
        local: `None`, "monotonic" or "predictive".
        window: D, the tokens on either side of p that are read, if `local`.
        maximum_source_length: Source positions, from the first, that "location" has weights for;
            later ones are never read.
        name: Name of the layer.
        dtype: Dtype or policy, as for any Keras layer.
        trainable: Whether the weights are trained.

    Raises:
        ValueError: An unknown score or alignment, numbers below 1, "concat" or "location" with
            `scaled`, "location" without a length, or sizes that can't be multiplied.

    Example:
        >>> import numpy as np
        >>> attention = LuongAttention(4, score="general", local="predictive", window=2)
        >>> query, memory = np.ones((2, 3, 4), "float32"), np.ones((2, 5, 6), "float32")
        >>> attention.build(query.shape, memory.shape)
        >>> context, weights = attention(query, attention.project(memory), memory)
        >>> tuple(context.shape), tuple(weights.shape)
        ((2, 3, 6), (2, 3, 5))

    Source: Luong et al. 2015, eq. 7 to 10; the scale is that of Vaswani et al. 2017, eq. 1.
    Difference from the paper: where a target is longer than its source, the monotonic window stays
    at the end.
    """

    position_kernel: Any = None
    position_vector: Any = None

    def __init__(
        self,
        units: int,
        score: str = "general",
        scaled: bool = False,
        local: str | None = None,
        window: int = 10,
        maximum_source_length: int | None = None,
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(units, name=name, dtype=dtype, trainable=trainable)
        check_luong(score, scaled, local, window, maximum_source_length)
        self.score = score
        self.scaled = scaled
        self.local = local
        self.window = window
        self.maximum_source_length = maximum_source_length
        self.needs_position = local == "monotonic"
        self._window = None if local is None else Window(local, window)

    def build(self, query_shape: tuple, memory_shape: tuple) -> None:
        """Make the weights for queries `[..., U]` and a memory `[B, S, M]`."""
        query_size, memory_size = query_shape[-1], memory_shape[-1]
        if self.local == "predictive":
            self.position_kernel = self.add_kernel("position_kernel", query_size)
            self.position_vector = self.add_vector("position_vector")
        if self.score == "concat":
            self.query_kernel = self.add_kernel("query_kernel", query_size)
            self.memory_kernel = self.add_kernel("memory_kernel", memory_size)
            self.vector = self.add_vector("vector")
            return
        check_luong_sizes(self.score, self.units, query_size, memory_size)
        if self.score == "location":
            self.location_kernel = self.add_kernel(
                "location_kernel", query_size, self.maximum_source_length
            )
        elif self.score == "general":
            self.memory_kernel = self.add_kernel("memory_kernel", memory_size)

    @property
    def changes_memory(self) -> bool:
        """Whether keys differ from the memory."""
        return self.scaled or super().changes_memory

    def project(self, memory: Any) -> Any:
        """Keys of a memory, once per sentence: `[B, S, M] -> [B, S, A]`, with the scale in them."""
        keys = super().project(memory)
        return keys / self.units**0.5 if self.scaled else keys

    def step_weights(self, keys: Any, memory: Any, memory_mask: Any) -> LuongWeights:
        """What is the same for all queries, see `Attention.step_weights`."""
        memory = self.cast(memory)
        if self.score == "location":
            weights = self._location_weights(memory, memory_mask)
        elif self.score == "concat":
            query, vector = Dense(self.cast(self.query_kernel)), self.cast(self.vector)
            weights = LuongWeights(Dense(memory), memory_mask, keys, query, vector)
        else:
            keys = Dense(ops.swapaxes(keys, 1, 2))
            weights = LuongWeights(Dense(memory), memory_mask, keys)
        if self._window is not None:
            of_position = map_tensors(self.cast, (self.position_kernel, self.position_vector))
            window = self._window.step_weights(memory, memory_mask, *of_position)
            weights = weights._replace(window=window)
        return weights

    def scores(self, query: Any, weights: LuongWeights) -> Any:
        """`score(q, m)` of eq. 7 and 8, see `Attention.scores`."""
        if self.score == "dot":
            return weights.keys(query)  # q . m
        if self.score == "general":
            return weights.keys(query)  # q . W m, where the key is W m
        if self.score == "concat":  # v . tanh(W q + U m), where the key is U m
            query, keys = ops.expand_dims(weights.query(query), -2), with_steps(weights.keys, query)
            return ops.matmul(ops.tanh(query + keys), weights.vector)
        return weights.location(query)  # w_s . q

    def attend(self, query: Any, position: Any, weights: LuongWeights) -> tuple[Any, Any]:
        """Read the memory, see `Attention.attend`."""
        if self._window is None:
            return super().attend(query, position, weights)
        scores, mask = self.scores(query, weights), with_steps(weights.memory_mask, query)
        alignment = self._window.align(scores, mask, query, position, weights.window)
        return weights.memory(alignment), alignment

    def _location_weights(self, memory: Any, memory_mask: Any) -> LuongWeights:
        """With the vectors w_s of the source positions; those that have none are masked."""
        known = self.location_kernel.shape[1]
        positions = ops.arange(ops.shape(memory)[1], dtype="int32")
        vectors = ops.take(self.location_kernel, ops.minimum(positions, known - 1), axis=1)
        mask = both(memory_mask, positions[None] < known)
        return LuongWeights(Dense(memory), mask, location=Dense(self.cast(vectors)))

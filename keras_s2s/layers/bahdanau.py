"""Bahdanau's attention, plain and normalised."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_s2s.layers.attention import Attention, AttentionWeights, with_steps
from keras_s2s.layers.scan import Dense


@keras.saving.register_keras_serializable("keras_s2s")
class BahdanauAttention(Attention):
    """Additive attention.

    1. `score(q, m) = v . tanh(W q + U m)`; if `normalized`, `g v / |v| . tanh(W q + U m + b)`
    2. `weights = softmax(scores)` over the real tokens of the source
    3. `context = sum of weights * memory`

    In a `Decoder` the query is the state before the cell, and the context goes into the cell.

    Args:
        units: Size A of the space in which query and memory are added.
        normalized: Learn the length g of the vector apart from its direction, and add a bias.
        name: Name of the layer.
        dtype: Dtype or policy, as for any Keras layer.
        trainable: Whether the weights are trained.

    Raises:
        ValueError: `units` is below 1.

    Example:
        >>> import numpy as np
        >>> attention = BahdanauAttention(8)
        >>> query, memory = np.ones((2, 4), "float32"), np.ones((2, 5, 6), "float32")
        >>> attention.build(query.shape, memory.shape)
        >>> context, weights = attention(query, attention.project(memory), memory)
        >>> tuple(context.shape), tuple(weights.shape)
        ((2, 6), (2, 5))

    Source: Bahdanau et al. 2015, eq. 5 and 6, and section A.1.2; no bias, as in the paper.
    `normalized` is the weight normalisation of Salimans and Kingma 2016, eq. 2, in the form of
    Raffel et al. 2017, section 2.4, without its offset r, which a softmax does not see; g starts at
    `1 / sqrt(units)` as there.
    """

    attends_before = True

    def __init__(
        self,
        units: int,
        normalized: bool = False,
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(units, name=name, dtype=dtype, trainable=trainable)
        self.normalized = normalized

    def build(self, query_shape: tuple, memory_shape: tuple) -> None:
        """Make `W`, `U` and `v` for queries `[..., U]` and a memory `[B, S, M]`."""
        self.query_kernel = self.add_kernel("query_kernel", query_shape[-1])
        self.memory_kernel = self.add_kernel("memory_kernel", memory_shape[-1])
        self.vector = self.add_vector("vector")
        if self.normalized:
            root = keras.initializers.Constant(self.units**-0.5)
            self.length = self.add_weight(shape=(), initializer=root, name="length")
            self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")

    def project(self, memory: Any) -> Any:
        """The keys of a memory, once per sentence: `[B, S, M] -> [B, S, A]`, with the bias."""
        keys = super().project(memory)
        return keys + self.cast(self.bias) if self.normalized else keys

    def step_weights(self, keys: Any, memory: Any, memory_mask: Any) -> AttentionWeights:
        """What is the same for all queries, see `Attention.step_weights`."""
        vector = ops.cast(self.vector, "float32")
        if self.normalized:  # g v / |v|
            length = ops.cast(self.length, "float32")
            vector = length * (vector * ops.rsqrt(ops.sum(ops.square(vector))))
        return AttentionWeights(
            memory=Dense(self.cast(memory)),
            memory_mask=memory_mask,
            keys=keys,
            query=Dense(self.cast(self.query_kernel)),
            vector=self.cast(vector),
        )

    def scores(self, query: Any, weights: AttentionWeights) -> Any:
        """`score(q, m) = v . tanh(W q + U m)`, where the key is `U m`."""
        query, keys = ops.expand_dims(weights.query(query), -2), with_steps(weights.keys, query)
        return ops.matmul(ops.tanh(query + keys), weights.vector)

"""Attention: where the decoder looks at each step, and what it reads there.

Each class has `project(memory)`, done once per sentence, and a call for one query or for all of
them. Nothing is kept between calls.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_s2s.layers.scan import apply_kernel


def masked_softmax(scores: Any, mask: Any = None) -> Any:
    """Softmax over the last axis, over the places where `mask` is True.

    Works in float32 whatever the dtype of the scores. A row without any True place gives zeros,
    never NaN.

    Args:
        scores: `[..., S]`, any floating dtype.
        mask: Boolean, broadcastable to `scores`, True = real token; `None` = all are real.

    Returns:
        Weights `[..., S]` in the dtype of the scores: each row sums to 1, or to 0 where all of it
        is masked.

    Example:
        >>> import numpy as np
        >>> weights = masked_softmax(np.zeros((1, 3), "float32"), np.array([[True, True, False]]))
        >>> np.asarray(weights).tolist()
        [[0.5, 0.5, 0.0]]
    """
    dtype = keras.backend.standardize_dtype(scores.dtype)
    scores = ops.cast(scores, "float32")
    if mask is not None:
        scores = ops.where(mask, scores, float(np.finfo("float32").min))
    # Written out: on rows as short as a sentence TensorFlow's own softmax is much slower.
    exponents = ops.exp(scores - ops.max(scores, axis=-1, keepdims=True))
    if mask is not None:
        exponents = ops.where(mask, exponents, 0.0)
    total = ops.sum(exponents, axis=-1, keepdims=True)
    return ops.cast(exponents / ops.maximum(total, float(np.finfo("float32").tiny)), dtype)


class _Attention(keras.layers.Layer):
    """What the attentions share: `project` once per sentence, then a call for each query.

    `query_kernel` is the matrix that a query passes before it is scored, or `None`. `vector` turns
    the sum of query and key into a score; without it, a score is the product of the two.
    """

    query_kernel: Any = None
    memory_kernel: Any = None
    vector: Any = None

    def __init__(
        self, units: int, name: str | None = None, dtype: Any = None, trainable: bool = True
    ) -> None:
        super().__init__(name=name, dtype=dtype, trainable=trainable)
        if units < 1:
            raise ValueError(f"`units` must be at least 1. Received: units={units}")
        self.units = units

    def _add_kernel(self, name: str, rows: int) -> Any:
        return self.add_weight(shape=(rows, self.units), initializer="glorot_uniform", name=name)

    def _build_additive(self, query_shape: tuple, memory_shape: tuple) -> None:
        self.query_kernel = self._add_kernel("query_kernel", query_shape[-1])
        self.memory_kernel = self._add_kernel("memory_kernel", memory_shape[-1])
        self.vector = self.add_weight(
            shape=(self.units,), initializer=keras.initializers.VarianceScaling(), name="vector"
        )

    def project(self, memory: Any) -> Any:
        """Keys of a memory, once per sentence: `[B, S, M] -> [B, S, A]`."""
        memory = ops.cast(memory, self.compute_dtype)
        if self.memory_kernel is None:
            return memory
        return ops.matmul(memory, ops.cast(self.memory_kernel, self.compute_dtype))

    @property
    def changes_memory(self) -> bool:
        """Whether keys differ from the memory."""
        return self.memory_kernel is not None

    def kernels(self) -> dict[str, Any]:
        """The matrix that every query passes, if there is one, in the compute dtype."""
        if self.query_kernel is None:
            return {}
        return {"query": ops.cast(self.query_kernel, self.compute_dtype)}

    def matrices(self, keys: Any, memory: Any) -> dict[str, Any]:
        """What else a query is multiplied with, a matrix for each sentence.

        Args:
            keys: `project(memory)`, `[B, S, A]`.
            memory: `[B, S, M]`.

        Returns:
            "memory" `[B, S, M]` and, where a score is a product, "keys" `[B, A, S]`.
        """
        made = {"memory": ops.cast(memory, self.compute_dtype)}
        if self.vector is None:
            made["keys"] = ops.swapaxes(keys, 1, 2)
        return made

    def parameters(self, keys: Any) -> tuple:
        """What a score needs that is not multiplied with a query: of a sum, keys and vector."""
        return () if self.vector is None else (keys, ops.cast(self.vector, self.compute_dtype))

    def attend(self, query: Any, memory_mask: Any, parameters: tuple, dense: Any) -> tuple:
        """Read the memory; all that is read is an argument, so that the decoder can loop over it.

        Args:
            query: `[B, U]`, or `[B, T, U]` for all steps at once, in the compute dtype.
            memory_mask: Boolean `[B, S]`, True = real token; `None` = all are real.
            parameters: `parameters(keys)`.
            dense: Makes the products: `dense(name, v)` is `v` times the matrix of that name in
                `kernels()` or `matrices(keys, memory)`.

        Returns:
            The context, `[B, M]` or `[B, T, M]`, and the weights, `[B, S]` or `[B, T, S]`.
        """
        has_time = len(query.shape) == 3
        if self.query_kernel is not None:
            query = dense("query", query)
        if self.vector is None:
            scores = dense("keys", query)
        else:
            keys, vector = parameters
            keys = ops.expand_dims(keys, 1) if has_time else keys
            scores = ops.matmul(ops.tanh(ops.expand_dims(query, -2) + keys), vector)
        if memory_mask is not None and has_time:
            memory_mask = ops.expand_dims(memory_mask, 1)
        weights = masked_softmax(scores, memory_mask)
        return dense("memory", weights), weights

    def call(self, query: Any, keys: Any, memory: Any, memory_mask: Any = None) -> tuple[Any, Any]:
        """Read the memory.

        Args:
            query: `[B, U]`, or `[B, T, U]` for all steps at once.
            keys: `project(memory)`, `[B, S, A]`.
            memory: `[B, S, M]`.
            memory_mask: Boolean `[B, S]`, True = real token.

        Returns:
            The context, `[B, M]` or `[B, T, M]`, and the weights, `[B, S]` or `[B, T, S]`.
        """
        made = {**self.kernels(), **self.matrices(keys, memory)}

        def dense(name: str, value: Any) -> Any:
            return apply_kernel(value, made[name])

        query = ops.cast(query, self.compute_dtype)
        return self.attend(query, memory_mask, self.parameters(keys), dense)


@keras.saving.register_keras_serializable("keras_s2s")
class BahdanauAttention(_Attention):
    """Additive attention.

    1. `score(q, m) = v . tanh(W q + U m)`
    2. `weights = softmax(scores)` over the real tokens of the source
    3. `context = sum of weights * memory`

    In a `Decoder` the query is the state before the cell, and the context goes into the cell.

    Args:
        units: Size A of the space in which query and memory are added.
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

    Source: Bahdanau et al. 2015, eq. 5 and 6, and section A.1.2. No bias, as in the paper.
    """

    def build(self, query_shape: tuple, memory_shape: tuple) -> None:
        """Make `W`, `U` and `v` for queries `[..., U]` and a memory `[B, S, M]`."""
        self._build_additive(query_shape, memory_shape)


@keras.saving.register_keras_serializable("keras_s2s")
class LuongAttention(_Attention):
    """Multiplicative attention, and Luong's "concat".

    1. `score(q, m)` is `q . m` ("dot"), `q . W m` ("general") or `v . tanh(W q + U m)` ("concat")
    2. `weights = softmax(scores)` over the real tokens of the source
    3. `context = sum of weights * memory`

    In a `Decoder` the query is the state after the cell.

    Args:
        units: Size of the query; for "concat" the size of the space in which both are added.
        score: "dot", "general" or "concat".
        scaled: Divide the scores by the square root of `units` ("dot" and "general").
        name: Name of the layer.
        dtype: Dtype or policy, as for any Keras layer.
        trainable: Whether the weights are trained.

    Raises:
        ValueError: An unknown score, "concat" with `scaled`, or sizes that can't be multiplied.

    Example:
        >>> import numpy as np
        >>> attention = LuongAttention(4, score="general")
        >>> query, memory = np.ones((2, 3, 4), "float32"), np.ones((2, 5, 6), "float32")
        >>> attention.build(query.shape, memory.shape)
        >>> context, weights = attention(query, attention.project(memory), memory)
        >>> tuple(context.shape), tuple(weights.shape)
        ((2, 3, 6), (2, 3, 5))

    Source: Luong et al. 2015, eq. 7 and 8; the scale is that of Vaswani et al. 2017, eq. 1.
    """

    def __init__(
        self,
        units: int,
        score: str = "general",
        scaled: bool = False,
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(units, name=name, dtype=dtype, trainable=trainable)
        if score not in ("dot", "general", "concat"):
            raise ValueError(
                f'`score` must be "dot", "general" or "concat". Received: score={score!r}'
            )
        if scaled and score == "concat":
            raise ValueError('`scaled` goes with "dot" and "general". Received: score="concat"')
        self.score = score
        self.scaled = scaled

    def build(self, query_shape: tuple, memory_shape: tuple) -> None:
        """Make the weights for queries `[..., U]` and a memory `[B, S, M]`."""
        if self.score == "concat":
            self._build_additive(query_shape, memory_shape)
            return
        if query_shape[-1] != self.units:
            raise ValueError(
                f'A "{self.score}" score needs queries of size `units`. '
                f"Received: units={self.units} and queries of size {query_shape[-1]}"
            )
        if self.score == "general":
            self.memory_kernel = self._add_kernel("memory_kernel", memory_shape[-1])
        elif memory_shape[-1] != self.units:
            raise ValueError(
                'A "dot" score needs a memory as wide as the query; "general" takes any. '
                f"Received: queries of size {self.units}, memory of size {memory_shape[-1]}"
            )

    @property
    def changes_memory(self) -> bool:
        """Whether keys differ from the memory."""
        return self.scaled or super().changes_memory

    def project(self, memory: Any) -> Any:
        """Keys of a memory, once per sentence: `[B, S, M] -> [B, S, A]`, with the scale in them."""
        keys = super().project(memory)
        return keys / self.units**0.5 if self.scaled else keys

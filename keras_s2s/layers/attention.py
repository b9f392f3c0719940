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


class Attention(keras.layers.Layer):
    """What the attentions share: `project` once per sentence, then a call for each query.

    A kind of attention is a score and, where it needs one, a window. `query_kernel` is the matrix
    that a query passes before it is scored, or `None`. `vector` turns the sum of query and key into
    a score; without it, a score is the product of the two.

    Attributes:
        attends_before: Whether a decoder attends before its cells, with the state of the step
            before (Bahdanau), or after them (Luong).
        needs_position: Whether a single query needs to know which one of the target it is.
    """

    attends_before = False
    needs_position = False
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

    def add_kernel(self, name: str, rows: int, columns: int | None = None) -> Any:
        """A matrix `[rows, units]`, or of so many columns."""
        shape = (rows, columns or self.units)
        return self.add_weight(shape=shape, initializer="glorot_uniform", name=name)

    def add_vector(self, name: str) -> Any:
        """A vector `[units]` that makes one number of many."""
        initializer = keras.initializers.VarianceScaling()
        return self.add_weight(shape=(self.units,), initializer=initializer, name=name)

    def build_additive(self, query_shape: tuple, memory_shape: tuple) -> None:
        """Make `W`, `U` and `v` of `v . tanh(W q + U m)`."""
        self.query_kernel = self.add_kernel("query_kernel", query_shape[-1])
        self.memory_kernel = self.add_kernel("memory_kernel", memory_shape[-1])
        self.vector = self.add_vector("vector")

    def project(self, memory: Any) -> Any:
        """Keys of a memory, once per sentence: `[B, S, M] -> [B, S, A]`."""
        memory = self.cast(memory)
        if self.memory_kernel is None:
            return memory
        return ops.matmul(memory, self.cast(self.memory_kernel))

    @property
    def changes_memory(self) -> bool:
        """Whether keys differ from the memory."""
        return self.memory_kernel is not None

    def kernels(self) -> dict[str, Any]:
        """The matrices that every query passes, in the compute dtype."""
        return {} if self.query_kernel is None else {"query": self.cast(self.query_kernel)}

    def matrices(self, keys: Any, memory: Any) -> dict[str, Any]:
        """What else a query is multiplied with, as a rule a matrix for each sentence.

        Args:
            keys: `project(memory)`, `[B, S, A]`.
            memory: `[B, S, M]`.

        Returns:
            "memory" `[B, S, M]` and, where a score is a product, "keys" `[B, A, S]`.
        """
        made = {"memory": self.cast(memory)}
        if self.vector is None:
            made["keys"] = ops.swapaxes(keys, 1, 2)
        return made

    def parameters(self, keys: Any, memory_mask: Any) -> dict[str, Any]:
        """What else is the same for all queries: of a sum, keys and vector.

        Args:
            keys: `project(memory)`, `[B, S, A]`.
            memory_mask: Boolean `[B, S]`, or `None`.
        """
        del memory_mask
        return {} if self.vector is None else {"keys": keys, "vector": self.cast(self.vector)}

    def attend(
        self, query: Any, position: Any, memory_mask: Any, parameters: dict[str, Any], dense: Any
    ) -> tuple[Any, Any]:
        """Read the memory; all that is read is an argument, so that the decoder can loop over it.

        Args:
            query: `[B, U]`, or `[B, T, U]` for all steps at once, in the compute dtype.
            position: Which query of the target it is, from 0: float32 `[B, 1]` or `[1, T, 1]`;
                `()` where the attention does not ask.
            memory_mask: Boolean `[B, S]`, True = real token; `None` = all are real.
            parameters: `parameters(keys, memory_mask)`.
            dense: Makes the products: `dense(name, v)` is `v` times the matrix of that name in
                `kernels()` or `matrices(keys, memory)`.

        Returns:
            The context, `[B, M]` or `[B, T, M]`, and the weights, `[B, S]` or `[B, T, S]`.
        """
        del position
        weights = masked_softmax(
            self.scores(query, parameters, dense), with_steps(memory_mask, query)
        )
        return dense("memory", weights), weights

    def scores(self, query: Any, parameters: dict[str, Any], dense: Any) -> Any:
        """How well each place fits a query, `[B, S]` or `[B, T, S]`; arguments as for `attend`."""
        if self.query_kernel is not None:
            query = dense("query", query)
        if self.vector is None:
            return dense("keys", query)
        keys = with_steps(parameters["keys"], query)
        return ops.matmul(ops.tanh(ops.expand_dims(query, -2) + keys), parameters["vector"])

    def call(
        self, query: Any, keys: Any, memory: Any, memory_mask: Any = None, position: Any = None
    ) -> tuple[Any, Any]:
        """Read the memory.

        Args:
            query: `[B, U]`, or `[B, T, U]` for all steps at once.
            keys: `project(memory)`, `[B, S, A]`.
            memory: `[B, S, M]`.
            memory_mask: Boolean `[B, S]`, True = real token.
            position: Which query of the target it is, from 0, `[B, 1]`; all queries at once count
                from 0 themselves.

        Returns:
            The context, `[B, M]` or `[B, T, M]`, and the weights, `[B, S]` or `[B, T, S]`.

        Raises:
            ValueError: The attention needs a position, and there is none.
        """
        made = {**self.kernels(), **self.matrices(keys, memory)}

        def dense(name: str, value: Any) -> Any:
            return apply_kernel(value, made[name])

        query = self.cast(query)
        if self.needs_position and len(query.shape) == 3:
            position = ops.arange(ops.shape(query)[1], dtype="float32")[None, :, None]
        if self.needs_position and position is None:
            raise ValueError(
                f"{type(self).__name__} looks where the target's position says. "
                "Received: position=None. Pass float32 [B, 1], counted from 0."
            )
        return self.attend(query, position, memory_mask, self.parameters(keys, memory_mask), dense)

    def cast(self, value: Any) -> Any:
        """The value in the compute dtype."""
        return ops.cast(value, self.compute_dtype)


def with_steps(value: Any, query: Any) -> Any:
    """`[B, ...]` as `[B, 1, ...]` where the query is of all steps, `[B, T, U]`."""
    return value if value is None or len(query.shape) == 2 else ops.expand_dims(value, 1)

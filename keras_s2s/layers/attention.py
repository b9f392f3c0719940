"""Attention: which source positions the decoder reads at each step.

Each class has `project(memory)`, computed once per sentence, and a call for one query or for all of
them. Nothing is kept between calls.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from keras_s2s.layers.dense import Dense


def masked_softmax(scores: Any, mask: Any = None) -> Any:
    """Softmax over the last axis, over the positions where `mask` is True.

    Works in float32 whatever the dtype of the scores. A fully masked row gives zeros, never NaN.

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


class AttentionWeights(NamedTuple):
    """What every query of a sentence meets. `Dense` values are called: `weights.keys(query)`."""

    memory: Dense  # [B, S, M]: from attention weights to a context
    memory_mask: Any  # boolean [B, S], or None
    keys: Any  # Dense [B, A, S], from a query to its product with each key; or keys [B, S, A]
    query: Any = None  # Dense [U, A], for a query before it is scored; or None
    vector: Any = None  # [A], from the sum of query and key to a score


class Attention(keras.layers.Layer):
    """Base class of the attention layers.

    A subclass makes its weights in `build` and defines `scores`; where keys differ from the memory
    it sets `memory_kernel`. What `scores` reads of the weights comes through the structure that
    `step_weights` returns, so that a decoder can loop over it with a fast gradient.

    Args:
        units: Size A of a key, unless the subclass says otherwise.
        name: Name of the layer.
        dtype: Dtype or policy, as for any Keras layer.
        trainable: Whether the weights are trained.

    Attributes:
        attends_before: Whether a decoder attends before its cells, with the state of the step
            before (Bahdanau), or after them (Luong).
        needs_position: Whether a query needs to know its position in the target.
        memory_kernel: The matrix of `project`, or `None` where the keys are the memory.

    Example:
        >>> class CosineAttention(Attention):
        ...     "score(q, m) = q . m / (|q| |m|)"
        ...     def project(self, memory):
        ...         return ops.normalize(self.cast(memory), axis=-1)
        ...     @property
        ...     def changes_memory(self):
        ...         return True
        ...     def scores(self, query, weights):
        ...         return weights.keys(ops.normalize(query, axis=-1))
        >>> query, memory = np.ones((2, 4), "float32"), np.ones((2, 5, 4), "float32")
        >>> attention = CosineAttention(4)
        >>> context, weights = attention(query, attention.project(memory), memory)
        >>> tuple(context.shape), tuple(weights.shape)
        ((2, 4), (2, 5))
    """

    attends_before = False
    needs_position = False
    memory_kernel: Any = None

    def __init__(
        self, units: int, name: str | None = None, dtype: Any = None, trainable: bool = True
    ) -> None:
        super().__init__(name=name, dtype=dtype, trainable=trainable)
        if units < 1:
            raise ValueError(f"`units` must be at least 1. Received: units={units}")
        self.units = units

    def add_kernel(self, name: str, rows: int, columns: int | None = None) -> Any:
        """Make a matrix `[rows, units]`, or with another number of columns."""
        shape = (rows, columns or self.units)
        return self.add_weight(shape=shape, initializer="glorot_uniform", name=name)

    def add_vector(self, name: str) -> Any:
        """Make a vector `[units]` for products that give one number."""
        initializer = keras.initializers.VarianceScaling()
        return self.add_weight(shape=(self.units,), initializer=initializer, name=name)

    def build(self, query_shape: tuple, memory_shape: tuple) -> None:
        """Make the weights for queries `[..., U]` and a memory `[B, S, M]`."""

    @property
    def changes_memory(self) -> bool:
        """Whether keys differ from the memory."""
        return self.memory_kernel is not None

    def project(self, memory: Any) -> Any:
        """The keys of a memory, once per sentence: `[B, S, M] -> [B, S, A]`."""
        memory = self.cast(memory)
        if self.memory_kernel is None:
            return memory
        return ops.matmul(memory, self.cast(self.memory_kernel))

    def step_weights(self, keys: Any, memory: Any, memory_mask: Any) -> AttentionWeights:
        """What is the same for all queries of a sentence.

        Args:
            keys: `project(memory)`, `[B, S, A]`.
            memory: `[B, S, M]`.
            memory_mask: Boolean `[B, S]`, True = real token; `None` = all are real.
        """
        memory, keys = Dense(self.cast(memory)), Dense(ops.swapaxes(keys, 1, 2))
        return AttentionWeights(memory, memory_mask, keys)

    def scores(self, query: Any, weights: Any) -> Any:
        """How well each source position fits a query.

        Args:
            query: `[B, U]`, or `[B, T, U]` for all steps at once, in the compute dtype.
            weights: `step_weights(keys, memory, memory_mask)`.

        Returns:
            Scores `[B, S]` or `[B, T, S]`.
        """
        raise TypeError(
            "A subclass of Attention must define `scores(query, weights)`. "
            f"Received: {type(self).__name__} without it."
        )

    def attend(self, query: Any, position: Any, weights: Any) -> tuple[Any, Any]:
        """Read the memory, given all that is read as arguments.

        Args:
            query: `[B, U]`, or `[B, T, U]` for all steps at once, in the compute dtype.
            position: The query's position in the target, from 0: float32 `[B, 1]` or `[1, T, 1]`;
                `None` unless `needs_position`.
            weights: `step_weights(keys, memory, memory_mask)`.

        Returns:
            The context, `[B, M]` or `[B, T, M]`, and the attention weights, `[B, S]` or
            `[B, T, S]`.
        """
        del position
        mask = with_steps(weights.memory_mask, query)
        alignment = masked_softmax(self.scores(query, weights), mask)
        return weights.memory(alignment), alignment

    def next_position(self, position: Any, alignment: Any) -> Any:
        """The position of the query after one at `position` that has read by `alignment`."""
        return None if position is None else position + 1

    def attend_all(self, queries: Any, weights: Any, training: bool = False) -> tuple[Any, Any]:
        """`attend` for the queries of all steps, `[B, T, U]`."""
        position = None
        if self.needs_position:
            position = ops.arange(ops.shape(queries)[1], dtype="float32")[None, :, None]
        return self.attend(queries, position, weights)

    def call(
        self, query: Any, keys: Any, memory: Any, memory_mask: Any = None, position: Any = None
    ) -> tuple[Any, Any]:
        """Read the memory, see `attend`.

        Args:
            query: `[B, U]`, or `[B, T, U]` for all steps at once.
            keys: `project(memory)`, `[B, S, A]`.
            memory: `[B, S, M]`.
            memory_mask: Boolean `[B, S]`, True = real token.
            position: Of one query, `[B, 1]`; the queries of all steps are counted from 0.

        Returns:
            The context and the attention weights.

        Raises:
            ValueError: The attention needs a position, and there is none.
        """
        query, weights = self.cast(query), self.step_weights(keys, memory, memory_mask)
        if len(query.shape) == 3:
            return self.attend_all(query, weights)
        if self.needs_position and position is None:
            raise ValueError(
                f"{type(self).__name__} looks where the target's position says. "
                "Received: position=None. Pass float32 [B, 1], counted from 0."
            )
        return self.attend(query, position, weights)

    def cast(self, value: Any) -> Any:
        """The value in the compute dtype."""
        return ops.cast(value, self.compute_dtype)


def with_steps(value: Any, query: Any) -> Any:
    """`[B, ...]` as `[B, 1, ...]` where the query is of all steps, `[B, T, U]`."""
    return value if value is None or len(query.shape) == 2 else ops.expand_dims(value, 1)


def both(mask: Any, other: Any) -> Any:
    """True where both masks are; `None` is True everywhere."""
    return other if mask is None else ops.logical_and(mask, other)

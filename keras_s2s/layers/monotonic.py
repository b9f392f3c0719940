"""Monotonic attention: an expected alignment in training, a hard one from step to step."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from keras_s2s.layers.attention import Attention, both, with_steps
from keras_s2s.layers.bahdanau import BahdanauAttention
from keras_s2s.layers.luong import LuongAttention
from keras_s2s.layers.row_random import row_uniform
from keras_s2s.layers.scan import scan

BEYOND = 2.0**24  # The place of a query that has passed the whole source.


class MonotonicAttention(Attention):
    """Base class of the monotonic attentions; a subclass defines `scores` and calls `make_bias`.

    Each query goes on from the source position s that the one before it has read, and stops at a
    position with the probability p. The score of a position is its energy without the bias r:

    1. `p[t, s] = sigmoid(score(q_t, m_s) + r + noise)`, the noise in training alone
    2. for all queries at once: `weights[t, s] = p[t, s] reach[t, s]`, the expectation, where
       `reach[t, s] = (1 - p[t, s - 1]) reach[t, s - 1] + weights[t - 1, s]`
    3. for one query: `weights[s] = 1` for the first s, from the position of the query before on,
       with a positive energy; all are 0 where there is none, and for all queries after it
    4. `context = sum of weights * memory`

    Source: Raffel et al. 2017, "Online and Linear-Time Attention by Enforcing Monotonic
    Alignments", sections 2.2 (3. above), 2.3 (2. above, by its recurrence, which needs no division
    as the product form does), 2.4 (bias) and 2.5 (noise).
    """

    needs_position = True
    needs_all_queries = True  # In training; so nothing can be fed to the next one.
    sigmoid_noise = 0.0

    def make_bias(self, score_bias_init: float) -> None:
        """Make r, and the generator of the noise."""
        initializer = keras.initializers.Constant(score_bias_init)
        self.score_bias = self.add_weight(
            shape=(), initializer=initializer, name="score_bias", dtype="float32"
        )

    def energies(self, query: Any, weights: Any) -> Any:
        """`score(q, m) + r`, float32."""
        return ops.cast(self.scores(query, weights), "float32") + self.score_bias

    def attend(self, query: Any, position: Any, weights: Any) -> tuple[Any, Any]:
        """Read the position of one query, see the class.

        Args:
            query: `[B, U]`.
            position: Where the query before has read, from 0; float32 `[B, 1]`.
            weights: `step_weights(keys, memory, memory_mask)`.

        Returns:
            The context `[B, M]` and the attention weights `[B, S]`, of which at most one is 1.
        """
        energies = self.energies(query, weights)
        places = ops.arange(ops.shape(energies)[-1], dtype="float32")
        may_stop = ops.logical_and(energies > 0.0, places >= position)
        may_stop = both(weights.memory_mask, may_stop)
        first = ops.min(ops.where(may_stop, places, BEYOND), axis=-1, keepdims=True)
        alignment = ops.cast(ops.equal(places, first), self.compute_dtype)
        return weights.memory(alignment), alignment

    def next_position(self, position: Any, alignment: Any) -> Any:
        """Where a query has read, float32 `[B, 1]`; far beyond the source if nowhere."""
        alignment = ops.cast(alignment, "float32")
        places = ops.arange(ops.shape(alignment)[-1], dtype="float32")
        has_read = ops.sum(alignment, axis=-1, keepdims=True)
        return ops.sum(alignment * places, axis=-1, keepdims=True) + BEYOND * (1.0 - has_read)

    def attend_all(self, queries: Any, weights: Any, training: bool = False) -> tuple[Any, Any]:
        """The expectation over the positions of all queries, `[B, T, U]`, see the class."""
        energies = self.energies(queries, weights)
        if training and self.sigmoid_noise:
            energies = energies + self.sigmoid_noise * self._noise(ops.shape(energies))
        stops = ops.sigmoid(energies)
        if weights.memory_mask is not None:
            stops = ops.where(with_steps(weights.memory_mask, queries), stops, 0.0)
        alignment = expected_alignment(stops, training=training)
        alignment = ops.cast(alignment, self.compute_dtype)
        return weights.memory(alignment), alignment

    def _noise(self, shape: tuple) -> Any:
        """Normally distributed numbers, by the method of Box and Muller."""
        radius = ops.sqrt(-2.0 * ops.log(1.0 - row_uniform(shape, 0, self.seed_generator)))
        return radius * ops.cos(2 * math.pi * row_uniform(shape, 0, self.seed_generator))


def expected_alignment(stops: Any, training: bool = False) -> Any:
    """The probability that a query reads a position, if it stops at each with a probability.

    Weights and reach of a query depend on the position before and on the query before, so those
    with the same t + s are computed together: T + S - 1 steps, without a division.

    Args:
        stops: p, float32 `[B, T, S]`, 0 where there is no real token.
        training: Whether a gradient will be asked for.

    Returns:
        float32 `[B, T, S]`, which sums to at most 1 over S.

    Example:
        >>> import numpy as np
        >>> halves = np.full((1, 2, 3), 0.5, "float32")
        >>> np.asarray(expected_alignment(halves)).tolist()
        [[[0.5, 0.25, 0.125], [0.25, 0.25, 0.1875]]]

    Source: Raffel et al. 2017, section 2.3.
    """
    batch, queries, places = ops.shape(stops)
    count = places + queries - 1
    wide = ops.concatenate([stops, ops.zeros((batch, queries, queries), stops.dtype)], axis=-1)
    # Row t moves right by t: column d then holds p[t, d - t].
    skewed = ops.reshape(wide, (batch, queries * (places + queries)))[:, : queries * count]
    skewed = ops.transpose(ops.reshape(skewed, (batch, queries, count)), (2, 0, 1))  # [D, B, T]

    def step(reach: Any, stop: Any, _: Any) -> tuple[Any, Any]:
        weights = stop * reach
        to_next = ops.concatenate([ops.zeros_like(weights[:, :1]), weights[:, :-1]], axis=1)
        return (1.0 - stop) * reach + to_next, weights

    is_first = ops.arange(queries, dtype="int32") == 0
    reach = ops.cast(is_first, stops.dtype) + ops.zeros((batch, 1), stops.dtype)
    _, found = scan(step, reach, skewed, (), training=training)
    flat = ops.reshape(ops.transpose(found, (1, 2, 0)), (batch, queries * count))
    flat = ops.concatenate([flat, ops.zeros((batch, queries), stops.dtype)], axis=1)
    return ops.reshape(flat, (batch, queries, places + queries))[:, :, :places]


@keras.saving.register_keras_serializable("keras_s2s")
class BahdanauMonotonicAttention(MonotonicAttention, BahdanauAttention):
    """Monotonic attention with an additive energy, see `MonotonicAttention`.

    The energy is `g v / |v| . tanh(W q + U m + b) + r`, or `v . tanh(W q + U m) + r` without
    `normalized`. In a `Decoder` the query is the state after the cell.

    Args:
        units: Size A of the space in which query and memory are added.
        normalized: Learn the length g of the vector apart from its direction, and add a bias.
        sigmoid_noise: Standard deviation of the noise on the energies, in training.
        score_bias_init: First value of r; below 0, queries pass over more positions at first.
        name: Name of the layer.
        dtype: Dtype or policy, as for any Keras layer.
        trainable: Whether the weights are trained.

    Raises:
        ValueError: `units` is below 1, or `sigmoid_noise` below 0.

    Example:
        >>> import numpy as np
        >>> attention = BahdanauMonotonicAttention(8)
        >>> queries, memory = np.ones((2, 3, 4), "float32"), np.ones((2, 5, 6), "float32")
        >>> attention.build(queries.shape, memory.shape)
        >>> context, weights = attention(queries, attention.project(memory), memory)
        >>> tuple(context.shape), tuple(weights.shape)
        ((2, 3, 6), (2, 3, 5))

    Source: Raffel et al. 2017, section 2.4.
    """

    attends_before = False

    def __init__(
        self,
        units: int,
        normalized: bool = True,
        sigmoid_noise: float = 1.0,
        score_bias_init: float = -1.0,
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(units, normalized, name=name, dtype=dtype, trainable=trainable)
        self.sigmoid_noise = check_noise(sigmoid_noise)
        self.score_bias_init = score_bias_init
        self.seed_generator = keras.random.SeedGenerator() if sigmoid_noise else None

    def build(self, query_shape: tuple, memory_shape: tuple) -> None:
        """Make the weights for queries `[..., U]` and a memory `[B, S, M]`."""
        super().build(query_shape, memory_shape)
        self.make_bias(self.score_bias_init)


@keras.saving.register_keras_serializable("keras_s2s")
class LuongMonotonicAttention(MonotonicAttention, LuongAttention):
    """Monotonic attention with a multiplicative energy, see `MonotonicAttention`.

    The energy is `q . m + r` ("dot"), `q . W m + r` ("general") or `v . tanh(W q + U m) + r`
    ("concat").

    Args:
        units: As for `LuongAttention`.
        score: "dot", "general" or "concat".
        scaled: As for `LuongAttention`.
        sigmoid_noise: As for `BahdanauMonotonicAttention`.
        score_bias_init: As for `BahdanauMonotonicAttention`.
        name: Name of the layer.
        dtype: Dtype or policy, as for any Keras layer.
        trainable: Whether the weights are trained.

    Raises:
        ValueError: As `LuongAttention`, a score of "location", or `sigmoid_noise` below 0.

    Example:
        >>> import numpy as np
        >>> attention = LuongMonotonicAttention(4)
        >>> query, memory = np.ones((2, 4), "float32"), np.ones((2, 5, 6), "float32")
        >>> attention.build(query.shape, memory.shape)
        >>> first = np.zeros((2, 1), "float32")
        >>> context, weights = attention(query, attention.project(memory), memory, position=first)
        >>> tuple(context.shape), tuple(weights.shape)
        ((2, 6), (2, 5))

    Source: Raffel et al. 2017; the energies are the scores of Luong et al. 2015.
    """

    def __init__(
        self,
        units: int,
        score: str = "general",
        scaled: bool = False,
        sigmoid_noise: float = 1.0,
        score_bias_init: float = -1.0,
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
    ) -> None:
        if score == "location":
            raise ValueError(
                "A monotonic attention needs a score that reads the memory: 'dot', 'general' or "
                f"'concat'. Received: score={score!r}"
            )
        super().__init__(units, score, scaled, name=name, dtype=dtype, trainable=trainable)
        self.needs_position = True
        self.sigmoid_noise = check_noise(sigmoid_noise)
        self.score_bias_init = score_bias_init
        self.seed_generator = keras.random.SeedGenerator() if sigmoid_noise else None

    def build(self, query_shape: tuple, memory_shape: tuple) -> None:
        """Make the weights for queries `[..., U]` and a memory `[B, S, M]`."""
        super().build(query_shape, memory_shape)
        self.make_bias(self.score_bias_init)


def check_noise(sigmoid_noise: float) -> float:
    """The standard deviation of the noise.

    Raises:
        ValueError: It is below 0 or not finite.
    """
    if not 0 <= sigmoid_noise < math.inf:
        raise ValueError(
            "`sigmoid_noise` must be at least 0 and finite. "
            f"Received: sigmoid_noise={sigmoid_noise}"
        )
    return sigmoid_noise

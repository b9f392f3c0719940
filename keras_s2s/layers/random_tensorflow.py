"""Random numbers for the rows of a batch under TensorFlow, by a counter-based generator."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

PHILOX = 1
NUMBERS = 4  # Of 32 bits, for one count of the generator.


def row_floats(shape: tuple, batch_axis: int, seed: Any) -> tf.Tensor:
    """Uniform float32 from 0 to below 1, see `keras_s2s.layers.row_random.row_uniform`.

    Source: Salmon et al. 2011, section 3.3 (Philox, whose numbers are a function of a count).
    """

    def draw(shape: list, key: tf.Tensor, counter: tf.Tensor) -> tf.Tensor:
        return tf.raw_ops.StatelessRandomUniformV2(
            shape=shape, key=key, counter=counter, alg=PHILOX, dtype=tf.float32
        )

    return _rows(shape, batch_axis, seed, draw, NUMBERS)


def row_steps(shape: tuple, batch_axis: int, seed: Any) -> tf.Tensor:
    """Uniform uint16, two from each number of 32 bits, with the rows as in `row_floats`."""

    def draw(shape: list, key: tf.Tensor, counter: tf.Tensor) -> tf.Tensor:
        bits = tf.raw_ops.StatelessRandomUniformFullIntV2(
            shape=[shape[0], shape[1] // 2], key=key, counter=counter, alg=PHILOX, dtype=tf.uint32
        )
        return tf.reshape(tf.bitcast(bits, tf.uint16), shape)

    return _rows(shape, batch_axis, seed, draw, 2 * NUMBERS)


def _rows(shape: tuple, batch_axis: int, seed: Any, draw: Any, numbers: int) -> tf.Tensor:
    """Draw numbers where each row starts at a counter of its own, and move the axis of the rows."""
    others = [size for axis, size in enumerate(shape) if axis != batch_axis]
    rows, size = shape[batch_axis], math.prod(others)
    counts = -(-size // numbers)
    first = tf.cast(_replica() * rows * counts, tf.uint64)
    key, counter = tf.raw_ops.StatelessRandomGetKeyCounter(seed=seed)
    counter = counter + tf.stack([first, tf.zeros((), tf.uint64)])
    drawn = draw([rows, counts * numbers], key, counter)
    drawn = tf.reshape(drawn[:, :size], [rows, *others])
    order = [*range(1, batch_axis + 1), 0, *range(batch_axis + 1, len(shape))]
    return tf.transpose(drawn, order) if batch_axis else drawn


def _replica() -> Any:
    """Which device of a strategy this is, from 0."""
    context = tf.distribute.get_replica_context()
    return 0 if context is None else context.replica_id_in_sync_group

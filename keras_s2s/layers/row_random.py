"""Random numbers that do not depend on how a batch is split over devices."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

STEPS = 1 << 16  # Sixteen random bits decide whether an element stays.


def row_uniform(shape: tuple, batch_axis: int, seeds: keras.random.SeedGenerator) -> Any:
    """Uniform random numbers that depend on the seed, the call, and the row's index in the batch.

    Where a `tf.distribute` strategy gives each device the same number of rows, the rows are counted
    over all devices: training draws the same numbers on one device and on several.

    Args:
        shape: Shape of the numbers; sizes may be tensors.
        batch_axis: The axis of the rows.
        seeds: The generator of the seed.

    Returns:
        float32 from 0 to below 1.

    Example:
        >>> seeds = keras.random.SeedGenerator(1)
        >>> numbers = row_uniform((2, 3), 0, seeds)
        >>> tuple(numbers.shape), bool(ops.all(numbers < 1))
        ((2, 3), True)
    """
    if keras.backend.backend() != "tensorflow":
        return keras.random.uniform(shape, seed=seeds)
    from keras_s2s.layers.random_tensorflow import row_floats

    return row_floats(shape, batch_axis, seeds.next())


def row_kept(shape: tuple, batch_axis: int, seeds: keras.random.SeedGenerator, kept: int) -> Any:
    """Boolean: each element stays with a probability of `kept / STEPS`; drawn as `row_uniform`."""
    if keras.backend.backend() != "tensorflow":
        return keras.random.uniform(shape, seed=seeds) < kept / STEPS
    from keras_s2s.layers.random_tensorflow import row_steps

    return ops.cast(row_steps(shape, batch_axis, seeds.next()), "int32") < kept

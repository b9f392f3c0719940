"""Dropout with random numbers that do not depend on how a batch is split over devices."""

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


@keras.saving.register_keras_serializable("keras_s2s")
class Dropout(keras.layers.Layer):
    """Dropout whose choice for a row is the same on one device and on several, see `row_uniform`.

    Args:
        rate: Probability of dropping an element, kept to a multiple of 2^-16.
        batch_axis: The axis of the rows.
        **kwargs: Of `keras.layers.Layer`.

    Call arguments:
        inputs: Any shape.
        training: Whether to drop any.

    Returns:
        The same shape; what is kept has grown by `1 / (1 - rate)`.

    Raises:
        ValueError: `rate` is no probability below 1.

    Example:
        >>> import numpy as np
        >>> dropped = Dropout(0.5)(np.ones((9, 9), "float32"), training=True)
        >>> sorted(set(np.asarray(dropped).ravel().tolist()))
        [0.0, 2.0]

    Source: Srivastava et al. 2014, section 10 (what is kept grows in training, instead of
    shrinking in use).
    """

    def __init__(self, rate: float, batch_axis: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_dropout("rate", rate)
        self.rate = rate
        self.batch_axis = batch_axis
        self._kept_steps = max(1, round((1 - rate) * STEPS))
        self.seed_generator = keras.random.SeedGenerator() if rate else None

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        return {**super().get_config(), "rate": self.rate, "batch_axis": self.batch_axis}

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Drop elements, see the class."""
        if not training or self.seed_generator is None:
            return inputs
        return inputs * self.factors(ops.shape(inputs))

    def factors(self, shape: tuple) -> Any:
        """What a tensor of a shape is multiplied with: 0, or `1 / (1 - rate)`."""
        if self.seed_generator is None:
            return ops.ones(shape, self.compute_dtype)
        scale = ops.cast(STEPS / self._kept_steps, self.compute_dtype)
        return ops.where(self._is_kept(shape, self.seed_generator), scale, ops.zeros_like(scale))

    def _is_kept(self, shape: tuple, seeds: keras.random.SeedGenerator) -> Any:
        if keras.backend.backend() != "tensorflow":
            share = self._kept_steps / STEPS
            return keras.random.uniform(shape, seed=seeds) < share
        from keras_s2s.layers.random_tensorflow import row_steps

        steps = row_steps(shape, self.batch_axis, seeds.next())
        return ops.less(ops.cast(steps, "int32"), self._kept_steps)


def check_dropout(name: str, value: float) -> None:
    """Raise ValueError unless `value` is a probability below 1."""
    if not 0 <= value < 1:
        raise ValueError(f"`{name}` must be at least 0 and below 1. Received: {name}={value}")

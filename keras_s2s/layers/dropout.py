"""Dropout whose choice does not depend on how a batch is split over devices."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_s2s.layers.row_random import STEPS, row_kept


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
        is_kept = row_kept(shape, self.batch_axis, self.seed_generator, self._kept_steps)
        return ops.where(is_kept, scale, ops.zeros_like(scale))


def check_dropout(name: str, value: float) -> None:
    """Raise ValueError unless `value` is a probability below 1."""
    if not 0 <= value < 1:
        raise ValueError(f"`{name}` must be at least 0 and below 1. Received: {name}={value}")

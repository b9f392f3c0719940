"""What this machine computes fastest: measured, not guessed from its name."""

from __future__ import annotations

import time
from functools import lru_cache
from typing import NamedTuple

ROUNDS, SECONDS = 3, 0.1


class ProductSpeed(NamedTuple):
    """The speed of matrix products as large as those of a training step.

    Attributes:
        float32: In float32, in floating-point operations per second.
        bfloat16: In bfloat16.
    """

    float32: float
    bfloat16: float

    @property
    def ratio(self) -> float:
        """How much faster bfloat16 is."""
        return self.bfloat16 / self.float32


@lru_cache
def product_speed(rows: int, size: int) -> ProductSpeed:
    """Measure the product `[rows, size] x [size, 4 size]` in both types, in about a second.

    Args:
        rows: Rows of the first matrix.
        size: Columns of the first matrix, and a quarter of those of the second.

    Returns:
        The speed in both types, the best of several rounds: other programs only slow it down.
    """
    import tensorflow as tf

    operations = 2 * rows * size * 4 * size
    found = {"float32": 0.0, "bfloat16": 0.0}
    for _ in range(ROUNDS):
        for name in found:
            left = tf.ones([rows, size], name)
            right = tf.ones([size, 4 * size], name)
            found[name] = max(found[name], operations / _seconds(left, right))
    return ProductSpeed(**found)


def _seconds(left: object, right: object) -> float:
    """Seconds of one product, after one that prepares it."""
    import tensorflow as tf

    def multiply() -> None:
        tf.linalg.matmul(left, right)[0, 0].numpy()  # Reading a number waits for a GPU.

    multiply()
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < SECONDS:
        multiply()
        count += 1
    return (time.perf_counter() - start) / count

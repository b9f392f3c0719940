"""What this machine computes fastest, and with how many threads: measured, or as it says."""

from __future__ import annotations

import math
import os
import statistics
import time
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

ROUNDS, SECONDS = 7, 0.05
# Smaller products take the time of their calls, whatever the type; larger ones are no faster.
LEAST, MOST = 256, 4096


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
        rows: Rows of the first matrix, limited to 256 to 4,096.
        size: Columns of the first matrix, and a quarter of those of the second; likewise.

    Returns:
        The speed in both types: the medians of several rounds, in which they take turns, since
        other programs may slow some of them down.
    """
    import tensorflow as tf

    rows, size = min(max(rows, LEAST), MOST), min(max(size, LEAST), MOST)
    operations = 2 * rows * size * 4 * size
    found: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    for _ in range(ROUNDS):
        for name, speeds in found.items():
            left = tf.ones([rows, size], name)
            right = tf.ones([size, 4 * size], name)
            speeds.append(operations / _seconds(left, right))
    return ProductSpeed(**{name: statistics.median(speeds) for name, speeds in found.items()})


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


def thread_limit(groups: Path = Path("/sys/fs/cgroup")) -> int | None:
    """The processors that a container may use, where these are fewer than the machine has.

    TensorFlow starts a thread for each processor of the machine. Where a quota of time lets only
    some of them run, the others wait, and so does each step that has work for all of them.

    Args:
        groups: Folder of the control groups of Linux.

    Returns:
        The quota, rounded up; `None` without a quota, or with a larger one than the machine has.
    """
    quota = _quota(groups)
    if quota is None or quota >= (os.cpu_count() or 1):
        return None
    return max(1, math.ceil(quota))


def _quota(groups: Path) -> float | None:
    """Seconds of computing in a second, of control groups of version 2 or 1."""
    for names in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):
        try:
            words = " ".join((groups / name).read_text() for name in names).split()
            quota, period = map(float, words)
        except (OSError, ValueError):  # "max" is no limit.
            continue
        if quota > 0 and period > 0:
            return quota / period
    return None

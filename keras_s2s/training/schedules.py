"""The learning rate schedule of a training limited in epochs, in minutes, or in both."""

from __future__ import annotations

import math
import time
from typing import Any

import keras

from keras_s2s.training.jax_state import sync_variables


def warmup_cosine(progress: float, warmup: float) -> float:
    """Linear warmup, then cosine decay to zero, as a fraction of the peak learning rate.

    Args:
        progress: Completed fraction of the training, 0 to 1.
        warmup: Fraction of the training that the warmup takes, 0 to below 1.

    Returns:
        A factor from 0 to 1.

    Example:
        >>> [round(warmup_cosine(progress, 0.1), 3) for progress in (0.05, 0.1, 0.55, 1.0)]
        [0.5, 1.0, 0.5, 0.0]

    Source: Loshchilov and Hutter 2017, eq. 5, one period; the warmup is that of Goyal et al. 2017.
    """
    if progress < warmup:
        return progress / warmup
    rest = min(1.0, (progress - warmup) / (1 - warmup))
    return 0.5 * (1 + math.cos(math.pi * rest))


class ProgressSchedule(keras.callbacks.Callback):
    """Sets the learning rate by the completed fraction of the training, and ends it in time.

    The fraction is that of the steps or of the minutes, whichever is larger: so the rate has
    decayed when the time is up, on fast and slow machines alike. Without `minutes` it depends on
    the step alone.

    Args:
        peak: Largest learning rate.
        steps: Maximum number of training steps.
        minutes: Maximum duration of the training, from the start of `fit`; `None` for no limit.
        warmup: Fraction of the training that the warmup takes.

    Raises:
        ValueError: A number is out of range.

    Example:
        >>> ProgressSchedule(1e-3, steps=100).rate(step=5, seconds=0.0)
        0.001
    """

    def __init__(
        self, peak: float, steps: int, minutes: float | None = None, warmup: float = 0.05
    ) -> None:
        super().__init__()
        for name, value in (("peak", peak), ("steps", steps), ("minutes", minutes)):
            if value is not None and not value > 0:
                raise ValueError(f"`{name}` must be positive. Received: {name}={value}")
        if not 0 <= warmup < 1:
            raise ValueError(f"`warmup` must be at least 0 and below 1. Received: warmup={warmup}")
        self.peak = peak
        self.steps = steps
        self.minutes = minutes
        self.warmup = warmup
        self._step = 0
        self._start = 0.0
        self._is_restored = False

    def rate(self, step: int, seconds: float) -> float:
        """The learning rate of a step, counted from 0, after a number of seconds."""
        return self.peak * self.factor(self._progress(step, seconds))

    def factor(self, progress: float) -> float:
        """The fraction of the peak rate at a completed fraction of the training."""
        return warmup_cosine(progress, self.warmup)

    def _progress(self, step: int, seconds: float) -> float:
        by_time = 0.0 if self.minutes is None else seconds / (60 * self.minutes)
        return max(step / self.steps, by_time)

    def _seconds(self) -> float:
        return time.monotonic() - self._start

    def get_state(self) -> dict[str, Any]:
        """The state to store in a checkpoint."""
        return {"step": self._step, "seconds": self._seconds()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned; the next `fit` continues from it."""
        self._start, self._step = time.monotonic() - state["seconds"], state["step"]
        self._is_restored = True

    def on_train_begin(self, logs: Any = None) -> None:
        """Start the clock and the count of steps."""
        if not self._is_restored:
            self._start, self._step = time.monotonic(), 0
        self._is_restored = False

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Set the learning rate of this step."""
        seconds = self._seconds()
        if self._progress(self._step, seconds) >= 1:
            self.model.stop_training = True
        sync_variables(self.model)
        self.model.optimizer.learning_rate = self.rate(self._step, seconds)
        self._step += 1

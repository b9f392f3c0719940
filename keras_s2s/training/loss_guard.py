"""A training that has lost its way is stopped, and the batch named."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras


class DivergedError(ValueError):
    """The loss of a batch is no number any more, or beyond all bounds."""


class LossGuard(keras.callbacks.Callback):
    """Ends `fit` with an error as soon as the loss of one batch is not finite, or huge.

    What comes after such a step is worth nothing: the weights have been updated by it. Callbacks
    behind this one, such as `Checkpoints`, do not see the step.

    Args:
        most: Largest loss of a batch; a model that knows nothing has the logarithm of its
            vocabulary's size.
        name_batch: From an epoch and a step, both from 0, to what the batch is called in the error.

    Attributes:
        first_step: Step that the next epoch begins with, other than 0 where one is resumed.

    Raises:
        DivergedError: In `fit`.

    Example:
        >>> guard = LossGuard(most=100.0)
        >>> guard.check(3.4, epoch=0, step=7)
        >>> guard.check(float("nan"), epoch=0, step=8)
        Traceback (most recent call last):
        ...
        keras_s2s.training.loss_guard.DivergedError: the loss of epoch 1, batch 9, is nan
    """

    def __init__(
        self, most: float = math.inf, name_batch: Callable[[int, int], str] | None = None
    ) -> None:
        super().__init__()
        self.most = most
        self.name_batch = name_batch
        self.first_step = 0
        self._epoch = 0
        self._seen = (0.0, 0.0)
        self._is_alone = True

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Note the epoch."""
        self._epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Note the sums behind the mean loss that the epoch begins with."""
        self._is_alone = getattr(self.model, "_distribute_strategy", None) is None
        if batch == 0 and self._is_alone:
            self._seen = self._sums()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Look at the loss of this batch alone; `logs` has the mean of the epoch so far."""
        step, loss = self.first_step + batch, (logs or {}).get("loss", 0.0)
        if self._is_alone:  # Of several devices the mean alone is known.
            (total, rows), (total_before, rows_before) = self._sums(), self._seen
            self._seen = total, rows
            loss = (total - total_before) / max(rows - rows_before, 1.0)
        self.check(loss, self._epoch, step)

    def _sums(self) -> tuple[float, float]:
        tracker: Any = self.model.metrics[0]
        return float(tracker.total), float(tracker.count)

    def check(self, loss: float, epoch: int, step: int) -> None:
        """Raise DivergedError unless a loss is finite and in bounds."""
        if math.isfinite(loss) and loss <= self.most:
            return
        name = "" if self.name_batch is None else f" ({self.name_batch(epoch, step)})"
        raise DivergedError(f"the loss of epoch {epoch + 1}, batch {step + 1}{name}, is {loss:.6g}")

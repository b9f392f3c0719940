"""Ends a training that diverges, and names the batch."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras

from keras_s2s.training.replicas import strategy_of


class DivergedError(ValueError):
    """The loss of a batch is not finite, or too large."""


class TerminateOnDivergence(keras.callbacks.Callback):
    """Ends `fit` with an error as soon as the loss of one batch is not finite or too large.

    Put it first: the step has already updated the weights, and callbacks after this one, such as
    the writer of checkpoints, must not see them.

    Args:
        most: Largest loss of a batch; that of a uniform prediction is the logarithm of the
            vocabulary size.
        name_batch: Maps an epoch and a step, both from 0, to the name of the batch in the error.
        steps_per_epoch: Steps of a whole epoch, which tell where a resumed epoch starts; `None`
            if epochs are never resumed in the middle.

    Raises:
        DivergedError: In `fit`.

    Example:
        >>> callback = TerminateOnDivergence(most=100.0)
        >>> callback.check(3.4, epoch=0, step=7)
        >>> callback.check(float("nan"), epoch=0, step=8)
        Traceback (most recent call last):
        ...
        keras_s2s.training.divergence.DivergedError: the loss of epoch 1, batch 9, is nan
    """

    def __init__(
        self,
        most: float = math.inf,
        name_batch: Callable[[int, int], str] | None = None,
        steps_per_epoch: int | None = None,
    ) -> None:
        super().__init__()
        self.most = most
        self.name_batch = name_batch
        self.steps_per_epoch = steps_per_epoch
        self._epoch = 0
        self._seen = (0.0, 0.0)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Store the epoch."""
        self._epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Store the sums behind the mean loss at the start of the epoch."""
        if batch == 0 and self._is_single_device():
            self._seen = self._sums()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Check the loss of this batch alone; `logs` has the mean of the epoch so far."""
        loss = (logs or {}).get("loss", 0.0)
        if self._is_single_device():  # Of several devices only the mean is known.
            (total, rows), (total_before, rows_before) = self._sums(), self._seen
            self._seen = total, rows
            loss = (total - total_before) / max(rows - rows_before, 1.0)
        steps = self.params.get("steps") or self.steps_per_epoch
        first_step = self.steps_per_epoch - steps if self.steps_per_epoch and steps else 0
        self.check(loss, self._epoch, first_step + batch)

    def _is_single_device(self) -> bool:
        return strategy_of(self.model) is None

    def _sums(self) -> tuple[float, float]:
        tracker: Any = self.model.metrics[0]
        return float(tracker.total), float(tracker.count)

    def check(self, loss: float, epoch: int, step: int) -> None:
        """Raise DivergedError unless a loss is finite and at most `most`."""
        if math.isfinite(loss) and loss <= self.most:
            return
        name = "" if self.name_batch is None else f" ({self.name_batch(epoch, step)})"
        raise DivergedError(f"the loss of epoch {epoch + 1}, batch {step + 1}{name}, is {loss:.6g}")

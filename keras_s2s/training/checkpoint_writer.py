"""Writes checkpoints during `fit`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from keras_s2s.training.checkpoint_files import Position
from keras_s2s.training.checkpoints import START, Checkpoints, Restored, Stateful
from keras_s2s.training.jax_state import sync_variables


class CheckpointWriter(keras.callbacks.Callback):
    """Tracks the position in a training and writes checkpoints; put it after other callbacks.

    Args:
        checkpoints: Where to write, and how often.
        stateful: Callbacks whose states are stored, by name.
        steps_per_epoch: Steps of a whole epoch.
        restored: Where the training continues.

    Raises:
        OSError: In `fit`, a checkpoint cannot be written; those before it are intact.
    """

    def __init__(
        self,
        checkpoints: Checkpoints,
        stateful: Mapping[str, Stateful] | None = None,
        steps_per_epoch: int | None = None,
        restored: Restored = START,
    ) -> None:
        super().__init__()
        self.checkpoints = checkpoints
        self.stateful = stateful
        self.steps_per_epoch = steps_per_epoch
        self._start = self._position = restored.position
        self._sums = restored.sums
        self._last_total = restored.position.total
        self._last_time = time.monotonic()

    def on_train_begin(self, logs: Any = None) -> None:
        """Clean up the folder; start the clock."""
        self.checkpoints.clean_up()
        self._last_time = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Store the position; restore the sums behind the loss of a resumed epoch."""
        step = self._start.step if epoch == self._start.epoch else 0
        self._position = Position(epoch, step, self._position.total)
        known = self.model.metrics_variables
        for variable, value in zip(known, self._sums, strict=False):
            variable.assign(value)
        self._sums = self._sums[len(known) :]
        self._save_if_due()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Write a checkpoint if it is due; that of an epoch's last step comes after validation."""
        epoch, step, total = self._position
        self._position = Position(epoch, step + 1, total + 1)
        if self._sums:  # Of metrics that the first step has created.
            sync_variables(self.model)
            new = self.model.metrics_variables[-len(self._sums) :]
            for variable, value in zip(new, self._sums, strict=True):
                variable.assign(np.asarray(variable) + value)
            self._sums = []
        if batch + 1 < (self.params.get("steps") or 0):
            self._save_if_due()

    def _save_if_due(self) -> None:
        seconds = time.monotonic() - self._last_time
        if self.checkpoints.is_due(seconds, self._position.total - self._last_total):
            self.save()

    def save(self) -> None:
        """Write a checkpoint now."""
        sync_variables(self.model)
        self._last_time, self._last_total = time.monotonic(), self._position.total
        self.checkpoints.save(self.model, self._position, self.stateful, self.steps_per_epoch)

    def finish(self, epochs: int) -> None:
        """Write a checkpoint that marks all epochs as completed."""
        self._position = Position(epochs, 0, self._position.total)
        self.save()

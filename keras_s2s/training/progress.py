"""A progress line within an epoch, for terminals."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO

import keras


class StepProgress(keras.callbacks.Callback):
    r"""Displays the number of steps of an epoch in one line, which is cleared at its end.

    Args:
        stream: The output stream; `None` for the standard error stream.
        interval: Seconds between two updates.

    Example:
        >>> import io
        >>> progress = StepProgress(io.StringIO(), interval=0)
        >>> progress.set_params({"steps": 40})
        >>> progress.on_epoch_begin(2)
        >>> progress.on_train_batch_end(9)
        >>> progress.stream.getvalue()
        '\repoch 3: 10 of 40 steps'
    """

    def __init__(self, stream: TextIO | None = None, interval: float = 1.0) -> None:
        super().__init__()
        self.stream = sys.stderr if stream is None else stream
        self.interval = interval
        self._epoch = 0
        self._shown = 0.0
        self._width = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Store the number of the epoch."""
        self._epoch, self._shown = epoch, time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Update the line after each interval."""
        if time.monotonic() - self._shown < self.interval:
            return
        self._shown = time.monotonic()
        of_all = f" of {self.params['steps']:,}" if self.params.get("steps") else ""
        line = f"epoch {self._epoch + 1}: {batch + 1:,}{of_all} steps"
        self._width = max(self._width, len(line))
        self.stream.write(f"\r{line}")
        self.stream.flush()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Clear the line."""
        self.stream.write(f"\r{' ' * self._width}\r")
        self.stream.flush()
        self._width = 0

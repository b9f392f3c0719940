"""A line of text for each epoch of a training without validation."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import keras


class EpochReport(keras.callbacks.Callback):
    """Reports the loss and the duration of each epoch.

    Args:
        report: Called with a line of text.

    Example:
        >>> report = EpochReport(print)
        >>> report.on_epoch_begin(0)
        >>> report.on_epoch_end(0, {"loss": 1.5})
        epoch 1: loss 1.500, 0 s
    """

    def __init__(self, report: Callable[[str], None]) -> None:
        super().__init__()
        self.report = report
        self._start = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the clock."""
        self._start = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Report."""
        loss = (logs or {}).get("loss", math.nan)
        self.report(f"epoch {epoch + 1}: loss {loss:.3f}, {time.monotonic() - self._start:.0f} s")

"""Progress of a training: a line within an epoch, for terminals, and an estimate of its time."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

import keras


def duration(seconds: float) -> str:
    """A time in words of two units at most.

    Example:
        >>> duration(9.6), duration(125), duration(7300), duration(200_000)
        ('10 s', '2 min 5 s', '2 h 1 min', '2 d 7 h')
    """
    rest = round(seconds)
    for size, unit, smaller, small_unit in (
        (86_400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if rest >= size:
            return f"{rest // size} {unit} {rest % size // smaller} {small_unit}"
    return f"{rest} s"


class StepProgress(keras.callbacks.Callback):
    r"""Displays the progress of an epoch in one line, which is cleared at its end.

    The line has the number of steps, the speed and the time that is left of the epoch.

    Args:
        stream: The output stream; `None` for the standard error stream.
        interval: Seconds between two updates.
        tokens_per_epoch: Target tokens of an epoch, without padding, for the speed; 0 for none.

    Example:
        >>> import io
        >>> progress = StepProgress(io.StringIO(), interval=0)
        >>> progress.set_params({"steps": 40})
        >>> progress.on_epoch_begin(2)
        >>> progress.on_train_batch_end(9)
        >>> progress.stream.getvalue()
        '\repoch 3: 10 of 40 steps, 0 s left'
    """

    def __init__(
        self, stream: TextIO | None = None, interval: float = 1.0, tokens_per_epoch: int = 0
    ) -> None:
        super().__init__()
        self.stream = sys.stderr if stream is None else stream
        self.interval = interval
        self.tokens_per_epoch = tokens_per_epoch
        self._epoch = 0
        self._began = 0.0
        self._shown = 0.0
        self._width = 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Store the number of the epoch."""
        self._epoch, self._began = epoch, time.monotonic()
        self._shown = self._began

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Update the line after each interval."""
        if time.monotonic() - self._shown < self.interval:
            return
        self._shown = time.monotonic()
        line = self._line(batch + 1, self._shown - self._began)
        self._width = max(self._width, len(line))
        self.stream.write(f"\r{line:{self._width}}")
        self.stream.flush()

    def _line(self, done: int, seconds: float) -> str:
        steps = self.params.get("steps")
        if not steps:
            return f"epoch {self._epoch + 1}: {done:,} steps"
        speed = ""
        if self.tokens_per_epoch and seconds:
            speed = f"{done / steps * self.tokens_per_epoch / seconds:,.0f} target tokens/s, "
        left = duration(seconds / done * (steps - done))
        return f"epoch {self._epoch + 1}: {done:,} of {steps:,} steps, {speed}{left} left"

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Clear the line."""
        self.stream.write(f"\r{' ' * self._width}\r")
        self.stream.flush()
        self._width = 0


class TimeEstimate(keras.callbacks.Callback):
    """Reports once how long the whole training will take, after its first minute.

    The estimate is the median duration of a step times the steps that are left, so the first step
    of each shape of a batch, which takes longer, hardly counts. Validation is not included.

    Args:
        report: Called with the estimate, a line of text.
        epochs: Number of epochs of the whole training.
        minutes: The most minutes that the training may take; `None` for no limit.
        after: Seconds after which the estimate is given.

    Example:
        >>> estimate = TimeEstimate(print, epochs=3, after=0)
        >>> estimate.set_params({"steps": 1000})
        >>> estimate.on_epoch_begin(0)
        >>> for batch in range(3):
        ...     estimate.on_train_batch_end(batch)
        about 0 s left until the end of epoch 3, validation excluded; training may stop earlier
    """

    def __init__(
        self,
        report: Callable[[str], None],
        epochs: int,
        minutes: float | None = None,
        after: float = 60.0,
    ) -> None:
        super().__init__()
        self.report = report
        self.epochs = epochs
        self.minutes = minutes
        self.after = after
        self._epoch = 0
        self._durations: list[float] = []
        self._began = self._last = time.monotonic()
        self._is_done = False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Store the number of the epoch; what lies between two epochs is no step."""
        self._epoch, self._last = epoch, time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Measure a step, and report when it is time."""
        steps = self.params.get("steps")
        if self._is_done or not steps:
            return
        now = time.monotonic()
        self._durations.append(now - self._last)
        self._last = now
        if now - self._began < self.after or len(self._durations) < 2:
            return
        self._is_done = True
        left = (self.epochs - self._epoch) * steps - batch - 1
        seconds = left * statistics.median(self._durations)
        end = f"until the end of epoch {self.epochs}, validation excluded"
        if self.minutes is not None:
            limit = max(0.0, 60 * self.minutes - (now - self._began))
            end = end if seconds < limit else f"of {self.minutes:g} min"
            seconds = min(seconds, limit)
        self.report(f"about {duration(seconds)} left {end}; training may stop earlier")

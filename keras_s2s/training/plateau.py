"""A learning rate schedule that decays when the validation stops improving."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from keras_s2s.training.schedules import ProgressSchedule

WARMUP_STEPS = 200


def hold_and_decay(progress: float, warmup: float, decay: float) -> float:
    """Linear warmup, a constant phase, and a linear decay to zero, as a fraction of the peak.

    Args:
        progress: Completed fraction of the training, 0 to 1.
        warmup: Fraction of the training that the warmup takes, above 0.
        decay: Fraction of the training that the decay takes, above 0.

    Returns:
        A factor from 0 to 1.

    Example:
        >>> [round(hold_and_decay(progress, 0.1, 0.2), 3) for progress in (0.05, 0.5, 0.9, 1.0)]
        [0.5, 1.0, 0.5, 0.0]

    Source: the trapezoid of Zhai et al. 2022, also called warmup-stable-decay (Hägele et al. 2024).
    """
    return max(0.0, min(progress / warmup, 1.0, (1 - progress) / decay))


class PlateauSchedule(ProgressSchedule):
    """Holds the learning rate while the validation improves, then lets it decay to zero.

    The validation improves when an epoch has the lowest perplexity so far or, if it is monitored,
    the highest sequence accuracy. (Few sentences are predicted exactly, and their share is
    mostly noise.) The decay begins when it has not improved for a quarter of the epochs, or when no
    sequence of the validation has an error in two epochs in a row; at the latest in time for the
    maximum of steps or minutes. It takes 30 % of the whole training. So a training ends soon after
    it has learned, and goes on while it learns.

    Args:
        peak: Largest learning rate.
        steps: Maximum number of training steps.
        minutes: Maximum duration of the training; `None` for no limit.
        decay: Fraction of the training that the decay takes.
        wait: Epochs without improvement after which the decay begins, as a fraction of all so far.
        least: Least number of such epochs.
        report: Called with a line of text when the decay begins; `None` for no report.
        monitor: `"perplexity"`, or `"sequence_accuracy"` for both.

    Raises:
        ValueError: A number is out of range.

    Example:
        >>> schedule = PlateauSchedule(1e-3, steps=10_000)
        >>> schedule.rate(step=5_000, seconds=0.0)
        0.001
    """

    def __init__(
        self,
        peak: float,
        steps: int,
        minutes: float | None = None,
        decay: float = 0.3,
        wait: float = 0.25,
        least: int = 5,
        report: Callable[[str], None] | None = None,
        monitor: str = "sequence_accuracy",
    ) -> None:
        super().__init__(peak, steps, minutes, warmup=min(0.05, WARMUP_STEPS / max(steps, 1)))
        for name, value in (("decay", decay), ("wait", wait)):
            if not 0 < value < 1:
                raise ValueError(f"`{name}` must be above 0 and below 1. Received: {name}={value}")
        if not least >= 1:
            raise ValueError(f"`least` must be at least 1. Received: least={least}")
        self.decay = decay
        self.wait = wait
        self.least = least
        self.report = report
        self.monitor = monitor
        self._reset()

    def _reset(self) -> None:
        self._scale = 1.0  # Above 1, the training turned out to be that much shorter.
        self._perplexity, self._accuracy, self._improved = math.inf, -1.0, 0

    def factor(self, progress: float) -> float:
        """The fraction of the peak rate at a completed fraction of the training."""
        return hold_and_decay(progress, self.warmup, self.decay)

    def _progress(self, step: int, seconds: float) -> float:
        return super()._progress(step, seconds) * self._scale

    def get_state(self) -> dict[str, Any]:
        """The state to store in a checkpoint."""
        own = [self._scale, self._perplexity, self._accuracy, float(self._improved)]
        return {**super().get_state(), "plateau": own}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned; the next `fit` continues from it."""
        super().set_state(state)
        self._scale, self._perplexity, self._accuracy = state["plateau"][:3]
        self._improved = int(state["plateau"][3])

    def on_train_begin(self, logs: Any = None) -> None:
        """Start the clock and the counts, unless restored."""
        if not self._is_restored:
            self._reset()
        super().on_train_begin(logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Let the decay begin if the validation has stopped improving."""
        if "val_perplexity" not in (logs or {}):
            return
        perplexity, accuracy = logs["val_perplexity"], logs["val_sequence_accuracy"]
        is_perfect = accuracy == self._accuracy == 1.0
        is_better = accuracy > self._accuracy and self.monitor == "sequence_accuracy"
        if perplexity < self._perplexity or is_better:
            self._improved = epoch
        self._perplexity = min(self._perplexity, perplexity)
        self._accuracy = max(self._accuracy, accuracy)
        has_waited = epoch - self._improved >= max(self.least, self.wait * (epoch + 1))
        done = self._progress(self._step, self._seconds())
        if (has_waited or is_perfect) and self._scale == 1.0 and done < 1 - self.decay:
            self._scale = (1 - self.decay) / done
            self._tell(
                f"has not improved since epoch {self._improved + 1}"
                if has_waited
                else "has no error"
            )

    def _tell(self, what: str) -> None:
        if self.report is not None:
            left = self._step * self.decay / (1 - self.decay)
            self.report(f"the validation {what}: the learning rate decays in {left:,.0f} steps")

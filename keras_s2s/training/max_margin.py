"""Contrastive learning: a target must be more probable than the same without a word."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from keras_s2s.training.losses import token_crossentropy


@keras.saving.register_keras_serializable("keras_s2s")
class MaxMargin(keras.losses.Loss):
    """Mean over pairs by how much a target fails to be more probable than another one.

    With a target y of the source x in the first half of a batch, another target y' of the same
    source in the second half, and the margin m::

        loss = max(0, log P(y' | x) + m - log P(y | x))

    A row of padding alone in the second half means that the pair has no other target; it
    contributes nothing, and the mean is taken over the others.

    Args:
        margin: The margin m in nats, at least 0.
        name: Name of the loss.

    Call arguments:
        y_true: int32 `[2 B, T]`, padded with 0, as of `ContrastiveBatches`.
        y_pred: Logits `[2 B, T, V]`, any floating dtype; computed in float32.
        sample_weight: `[2 B]`: those of the first half scale the losses of their pairs.

    Returns:
        A float32 scalar; 0 for a batch without other targets.

    Raises:
        ValueError: `margin` is negative or infinite, or the number of rows is odd.

    Example:
        >>> import numpy as np
        >>> target = np.array([[5, 6, 3], [5, 3, 0]])
        >>> loss = MaxMargin(0.1)(target, np.zeros((2, 3, 8), "float32"))
        >>> round(float(loss), 4)  # 3 ln 8 - 2 ln 8 + 0.1: the shorter one is more probable.
        2.1794

    Source: Yang et al. 2019, "Reducing Word Omission Errors in Neural Machine Translation: A
    Contrastive Learning Approach", the max-margin loss.
    """

    def __init__(self, margin: float = 0.1, name: str = "max_margin") -> None:
        super().__init__(name=name, reduction="sum")
        if not 0 <= margin < math.inf:
            raise ValueError(f"`margin` must be at least 0 and finite. Received: margin={margin}")
        self.margin = margin

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Each row's part of the mean, `[2 B]`, 0 in the second half: their sum is the loss."""
        y_true = ops.cast(y_true, "int32")
        _check_even(y_true.shape[0])
        real = ops.not_equal(y_true, 0)
        losses = token_crossentropy(y_true, y_pred) * ops.cast(real, "float32")
        surprises = ops.sum(losses, axis=-1)  # [2 B]: -log P(y | x), then -log P(y' | x)
        half = ops.shape(y_true)[0] // 2
        has_other = ops.cast(ops.any(real[half:], axis=-1), "float32")
        failures = ops.relu(surprises[:half] - surprises[half:] + self.margin) * has_other
        parts = failures / ops.maximum(ops.sum(has_other), 1.0)
        return ops.concatenate([parts, ops.zeros_like(parts)], axis=0)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments."""
        return {"margin": self.margin, "name": self.name}


def _check_even(rows: int | None) -> None:
    if rows is not None and rows % 2:
        raise ValueError(
            "A batch must have two halves: targets, and other targets of the same sources. "
            f"Received: {rows} rows"
        )

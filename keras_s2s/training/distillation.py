"""Distillation: the loss of a student that is taught by the distributions of other models."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_s2s.training.losses import listed_crossentropy
from keras_s2s.training.replicas import sum_over_replicas


@keras.saving.register_keras_serializable("keras_s2s")
class DistilledCrossentropy(keras.losses.Loss):
    """Mean cross-entropy against given distributions over the real tokens of a batch, in nats.

    A distribution q lists the shares of K tokens; what they lack of 1 is spread over the whole
    vocabulary::

        loss = -1 / (number of real t) * sum over t and v of q[t, v] * log softmax(logits[t])[v]

    Args:
        name: Name of the loss.

    Call arguments:
        y_true: float32 `[B, T, 2, K]`, for each token K ids and their shares, see
            `DistilledBatches`. Padding has only zeros; the first id of a real token is not 0.
        y_pred: Logits `[B, T, V]`, any floating dtype.

    Returns:
        A float32 scalar; 0 for a batch of padding alone. With a `tf.distribute` strategy, the
        device's part of the mean over the whole batch.

    Example:
        >>> import numpy as np
        >>> given = np.array([[[[5, 3], [0.75, 0.25]], [[0, 0], [0, 0]]]], "float32")
        >>> loss = DistilledCrossentropy()(given, np.zeros((1, 2, 8), "float32"))
        >>> round(float(loss), 4)  # ln 8: padding does not count
        2.0794

    Source: Hinton et al. 2015, section 2, at a temperature of 1; of tokens: Kim and Rush 2016,
    section 3.1.
    """

    def __init__(self, name: str = "distilled_crossentropy") -> None:
        super().__init__(name=name, reduction="sum")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss; weights of pairs, `[B]`, scale those of their tokens."""
        if sample_weight is not None and len(sample_weight.shape) == 1:
            sample_weight = ops.expand_dims(sample_weight, -1)
        return super().__call__(y_true, y_pred, sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Each token's part of the mean, `[B, T]`: their sum is the loss."""
        ids, shares = ops.cast(y_true[:, :, 0], "int32"), ops.cast(y_true[:, :, 1], "float32")
        real = ops.cast(ops.not_equal(ids[:, :, 0], 0), "float32")
        rest = 1 - ops.sum(shares, axis=-1, keepdims=True)
        losses = listed_crossentropy(ids, shares, rest, y_pred)
        (tokens,) = sum_over_replicas([ops.sum(real)])
        return losses * real / ops.maximum(tokens, 1.0)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments."""
        return {"name": self.name}

"""The loss: masked cross-entropy with label smoothing."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_s2s.training.replicas import sum_over_replicas
from keras_s2s.training.sample_weights import TokenWeightedLoss


def token_crossentropy(target: Any, logits: Any, label_smoothing: float = 0.0) -> Any:
    """Cross-entropy of each token against its smoothed label, in nats.

    With `q = (1 - e) * onehot(target) + e / V`, the loss is `-sum q * log softmax(logits)`. Its
    gradient `softmax(logits) - q` is given explicitly, which halves the number of passes over the
    largest tensor of the model.

    Args:
        target: int32 `[..., T]`.
        logits: `[..., T, V]`, any floating dtype; computed in float32.
        label_smoothing: e, a probability.

    Returns:
        float32 `[..., T]`.

    Source: Szegedy et al. 2016, section 7.
    """
    size = logits.shape[-1]
    on_value, off_value = 1 - label_smoothing, label_smoothing / size
    rows = ops.reshape(target, (-1,))
    indices = ops.stack([ops.arange(ops.shape(rows)[0], dtype=rows.dtype), rows], axis=-1)

    @ops.custom_gradient
    def crossentropy(logits: Any) -> Any:
        values = ops.cast(logits, "float32")
        probabilities = ops.softmax(values)
        # max(softmax) = exp(max) / sum(exp), so the logarithm of the sum takes no further pass.
        log_sum = ops.max(values, axis=-1) - ops.log(ops.max(probabilities, axis=-1))
        expected = on_value * _at(values, target)
        if label_smoothing:
            expected = expected + label_smoothing * ops.mean(values, axis=-1)

        def gradient(*upstream: Any) -> Any:
            scale = ops.expand_dims(upstream[0], -1)
            smooth = probabilities - off_value if label_smoothing else probabilities
            chosen = (_at(probabilities, target) - off_value - on_value) * upstream[0]
            flat = ops.reshape(smooth * scale, (-1, size))
            found = ops.scatter_update(flat, indices, ops.reshape(chosen, (-1,)))
            return ops.cast(ops.reshape(found, ops.shape(logits)), logits.dtype)

        return log_sum - expected, gradient

    return crossentropy(logits)


def _at(values: Any, target: Any) -> Any:
    """The values `[..., V]` at the indices `[...]`."""
    return ops.squeeze(ops.take_along_axis(values, ops.expand_dims(target, -1), axis=-1), -1)


@keras.saving.register_keras_serializable("keras_s2s")
class MaskedCrossentropy(TokenWeightedLoss):
    """Mean cross-entropy over the real tokens of a batch, in nats per token.

    Args:
        label_smoothing: Probability distributed uniformly over all ids, 0 to below 1.
        name: Name of the loss.

    Call arguments:
        y_true: int32 `[B, T]`, padded with 0.
        y_pred: Logits `[B, T, V]`.

    Returns:
        A float32 scalar; 0 for a batch of padding alone. With a `tf.distribute` strategy, the
        device's part of the mean over the whole batch.

    Raises:
        ValueError: `label_smoothing` is not a probability below 1.

    Example:
        >>> import numpy as np
        >>> logits = np.zeros((1, 3, 8), "float32")
        >>> loss = MaskedCrossentropy()(np.array([[5, 3, 0]]), logits)
        >>> round(float(loss), 4)  # ln 8: padding does not count
        2.0794

    Source: Szegedy et al. 2016, section 7 (label smoothing).
    """

    def __init__(self, label_smoothing: float = 0.0, name: str = "masked_crossentropy") -> None:
        super().__init__(name=name, reduction="sum")
        if not 0 <= label_smoothing < 1:
            raise ValueError(
                "`label_smoothing` must be at least 0 and below 1. "
                f"Received: label_smoothing={label_smoothing}"
            )
        self.label_smoothing = label_smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Each token's part of the mean, `[B, T]`: their sum is the loss."""
        y_true = ops.cast(y_true, "int32")
        real = ops.cast(ops.not_equal(y_true, 0), "float32")
        losses = token_crossentropy(y_true, y_pred, self.label_smoothing)
        (tokens,) = sum_over_replicas([ops.sum(real)])
        return losses * real / ops.maximum(tokens, 1.0)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments."""
        return {"label_smoothing": self.label_smoothing, "name": self.name}

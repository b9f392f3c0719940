"""The loss: masked cross-entropy with label smoothing."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_s2s.training.replicas import sum_over_replicas
from keras_s2s.training.sample_weights import TokenWeightedLoss


def token_crossentropy(target: Any, logits: Any, label_smoothing: float = 0.0) -> Any:
    """Cross-entropy of each token against its smoothed label, in nats.

    With `q = (1 - e) * onehot(target) + e / V`, the loss is `-sum q * log softmax(logits)`.

    Args:
        target: int32 `[..., T]`.
        logits: `[..., T, V]`, any floating dtype; computed in float32.
        label_smoothing: e, a probability.

    Returns:
        float32 `[..., T]`.

    Source: Szegedy et al. 2016, section 7.
    """
    ids = ops.expand_dims(target, -1)
    return listed_crossentropy(ids, 1 - label_smoothing, label_smoothing, logits)


def listed_crossentropy(ids: Any, shares: Any, rest: Any, logits: Any) -> Any:
    """Cross-entropy of each token against a distribution of which K entries are listed, in nats.

    With `q = sum over k of shares[k] * onehot(ids[k]) + rest / V`, the loss is
    `-sum q * log softmax(logits)`. Its gradient `softmax(logits) - q` is given explicitly, which
    halves the number of passes over the largest tensor of the model. `ids` are int32
    `[..., T, K]`, the same id twice only where both shares are 0; `shares` are `[..., T, K]` and
    `rest` is `[..., T, 1]`, or both are numbers, which sum to 1.
    """
    size, listed = logits.shape[-1], ids.shape[-1]
    flat_ids = ops.reshape(ids, (-1,))
    rows = ops.arange(ops.shape(flat_ids)[0], dtype=ids.dtype) // listed
    indices = ops.stack([rows, flat_ids], axis=-1)
    is_spread = not (isinstance(rest, (int, float)) and rest == 0)

    @ops.custom_gradient
    def crossentropy(logits: Any) -> Any:
        values = ops.cast(logits, "float32")
        probabilities = ops.softmax(values)
        # max(softmax) = exp(max) / sum(exp), so the logarithm of the sum takes no further pass.
        log_sum = ops.max(values, axis=-1) - ops.log(ops.max(probabilities, axis=-1))
        expected = ops.sum(shares * ops.take_along_axis(values, ids, axis=-1), axis=-1)
        if is_spread:
            expected += ops.squeeze(rest * ops.mean(values, axis=-1, keepdims=True), -1)

        def gradient(*upstream: Any) -> Any:
            scale = ops.expand_dims(upstream[0], -1)
            difference = probabilities - rest / size if is_spread else probabilities
            chosen = (ops.take_along_axis(difference, ids, axis=-1) - shares) * scale
            flat = ops.reshape(difference * scale, (-1, size))
            found = ops.scatter_update(flat, indices, ops.reshape(chosen, (-1,)))
            return ops.cast(ops.reshape(found, ops.shape(logits)), logits.dtype)

        return log_sum - expected, gradient

    return crossentropy(logits)


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

"""Metrics that ignore padding."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_s2s.training.losses import token_crossentropy
from keras_s2s.training.sample_weights import token_weights


@keras.saving.register_keras_serializable("keras_s2s")
class TokenAccuracy(keras.metrics.Mean):
    """Fraction of the tokens, without padding, whose logit is the largest.

    Args:
        name: Name of the metric.

    Example:
        >>> import numpy as np
        >>> accuracy = TokenAccuracy()
        >>> logits = np.array([[[0.0, 9, 0], [0, 9, 0], [9, 0, 0]]])
        >>> accuracy.update_state(np.array([[1, 2, 0]]), logits)
        >>> float(accuracy.result())
        0.5
    """

    def __init__(self, name: str = "token_accuracy") -> None:
        super().__init__(name=name, dtype="float32")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch: int32 `[B, T]` padded with 0, and logits `[B, T, V]`."""
        y_true = ops.cast(y_true, "int32")
        right = ops.equal(y_true, ops.cast(ops.argmax(y_pred, axis=-1), "int32"))
        super().update_state(*_tokens(right, y_true, sample_weight))

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments."""
        return {"name": self.name}


@keras.saving.register_keras_serializable("keras_s2s")
class SequenceAccuracy(keras.metrics.Mean):
    """Fraction of the sequences in which every token has the largest logit.

    With teacher forcing this is the exact match of greedy search at the cost of one pass: as long
    as its tokens are correct, the search has the same inputs as teacher forcing.

    Args:
        name: Name of the metric.

    Example:
        >>> import numpy as np
        >>> accuracy = SequenceAccuracy()
        >>> logits = np.array([[[0.0, 9, 0], [0, 9, 0]], [[0, 9, 0], [9, 0, 0]]])
        >>> accuracy.update_state(np.array([[1, 2], [1, 0]]), logits)
        >>> float(accuracy.result())
        0.5
    """

    def __init__(self, name: str = "sequence_accuracy") -> None:
        super().__init__(name=name, dtype="float32")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch: int32 `[B, T]` padded with 0, and logits `[B, T, V]`.

        Rows of padding do not count. Of weights of tokens, a row's is the mean.
        """
        y_true = ops.cast(y_true, "int32")
        is_real = ops.not_equal(y_true, 0)
        right = ops.equal(y_true, ops.cast(ops.argmax(y_pred, axis=-1), "int32"))
        tokens = ops.sum(ops.cast(is_real, "float32"), axis=-1)
        weights = ops.sum(token_weights(sample_weight, y_true), axis=-1) / ops.maximum(tokens, 1.0)
        all_right = ops.all(ops.logical_or(right, ops.logical_not(is_real)), axis=-1)
        super().update_state(ops.cast(all_right, "float32"), weights)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments."""
        return {"name": self.name}


@keras.saving.register_keras_serializable("keras_s2s")
class Perplexity(keras.metrics.Mean):
    """`exp` of the mean cross-entropy over all tokens, without padding and label smoothing.

    Args:
        name: Name of the metric.

    Example:
        >>> import numpy as np
        >>> perplexity = Perplexity()
        >>> perplexity.update_state(np.array([[1, 2, 0]]), np.zeros((1, 3, 5), "float32"))
        >>> round(float(perplexity.result()), 3)  # a uniform choice among 5
        5.0
    """

    def __init__(self, name: str = "perplexity") -> None:
        super().__init__(name=name, dtype="float32")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch: int32 `[B, T]` padded with 0, and logits `[B, T, V]`."""
        y_true = ops.cast(y_true, "int32")
        losses = token_crossentropy(y_true, y_pred)
        super().update_state(*_tokens(losses, y_true, sample_weight))

    def result(self) -> Any:
        """The perplexity so far."""
        return ops.exp(super().result())

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments."""
        return {"name": self.name}


def _tokens(values: Any, y_true: Any, sample_weight: Any) -> tuple[Any, Any]:
    """The values of all tokens, flattened, and their weights, 0 for padding.

    They are flat because Keras averages over the last axis of a matrix before it averages over
    rows: the tokens of a longer batch would count less.
    """
    weights = token_weights(sample_weight, y_true)
    return ops.reshape(ops.cast(values, "float32"), (-1,)), ops.reshape(weights, (-1,))

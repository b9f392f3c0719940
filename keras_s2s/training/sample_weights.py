"""`sample_weight` of any shape that Keras users give, as a weight for each token."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


def token_weights(sample_weight: Any, target: Any) -> Any:
    """The weight of each token, 0 for padding.

    Args:
        sample_weight: A weight for each sentence, `[B]` or `[B, 1]`, or for each token, `[B, T]`;
            `None` for 1.
        target: int32 `[B, T]`, padded with 0.

    Returns:
        float32 `[B, T]`.

    Raises:
        ValueError: `sample_weight` has another shape.

    Example:
        >>> import numpy as np
        >>> token_weights(np.array([2.0, 0.5]), np.array([[5, 3], [3, 0]])).numpy().tolist()
        [[2.0, 2.0], [0.5, 0.0]]
    """
    real = ops.cast(ops.not_equal(target, 0), "float32")
    if sample_weight is None:
        return real
    given = ops.cast(sample_weight, "float32")
    # In a graph for several shapes TensorFlow may know not even how many axes there are.
    if getattr(given.shape, "rank", 0) is None:
        return real * ops.reshape(given, (ops.shape(target)[0], -1))
    _check_shape(tuple(given.shape), tuple(target.shape))
    return real * (given if len(given.shape) == 2 else ops.expand_dims(given, -1))


def _check_shape(shape: tuple, target: tuple) -> None:
    fits = len(shape) in (1, 2) and _may_be(shape[0], target[0])
    if not fits or (len(shape) == 2 and shape[1] != 1 and not _may_be(shape[1], target[1])):
        raise ValueError(
            "`sample_weight` must have a weight for each sentence, [B] or [B, 1], or for each "
            f"token, [B, T]. Received: shape {shape} for targets of shape {target}"
        )


def _may_be(size: int | None, other: int | None) -> bool:
    """Whether two sizes may be the same; those of a graph may be unknown."""
    return None in (size, other) or size == other


class TokenWeightedLoss(keras.losses.Loss):
    """Base of a loss of each token, `[B, T]`.

    Keras would take weights `[B]` for weights of the positions where B = T, and fail elsewhere.
    """

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss; weights scale the losses, and the number that they are divided by stays.

        Raises:
            ValueError: The targets are no ids, or the weights have another shape.
        """
        y_true = ops.convert_to_tensor(y_true)
        rank = len(y_true.shape) if getattr(y_true.shape, "rank", 0) is not None else 2
        if rank != 2:
            raise ValueError(
                "Targets must be token ids, int32 [B, T], and not one-hot vectors of them. "
                f"Received: targets of shape {tuple(y_true.shape)}"
            )
        if sample_weight is not None:
            sample_weight = token_weights(sample_weight, y_true)
        return super().__call__(y_true, y_pred, sample_weight)

"""Sums over the devices of a `tf.distribute` strategy, within a step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras


def sum_over_replicas(values: Sequence[Any]) -> list[Any]:
    """Sum tensors over all devices of a strategy; without one, return them unchanged.

    Args:
        values: Tensors of the same shapes on each device, or `None`. Sparse gradients of
            embeddings become dense.

    Returns:
        A tensor for each value, and `None` for each `None`.

    Example:
        >>> sum_over_replicas([2.0, None])
        [2.0, None]
    """
    if keras.backend.backend() != "tensorflow":
        return list(values)
    import tensorflow as tf

    context: Any = tf.distribute.get_replica_context()
    if context is None or not tf.distribute.has_strategy():
        return list(values)
    tensors = [tf.convert_to_tensor(value) for value in values if value is not None]
    sums = iter(context.all_reduce(tf.distribute.ReduceOp.SUM, tensors))
    return [None if value is None else next(sums) for value in values]


def strategy_of(model: Any) -> Any:
    """The `tf.distribute` strategy that a model was made in; `None` for none, and under JAX."""
    return getattr(model, "_distribute_strategy", None)

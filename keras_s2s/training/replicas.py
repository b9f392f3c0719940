"""Sums over the devices of a `tf.distribute` strategy, from within the step of one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf


def summed(values: Sequence[Any]) -> list[Any]:
    """The sums of tensors over all devices; the tensors themselves where there is no strategy.

    Args:
        values: Tensors of the same shapes on each device, or `None`. Gradients of some rows of an
            embedding are made whole.

    Returns:
        A tensor for each value, and `None` for each `None`.

    Example:
        >>> [float(value) for value in summed([tf.constant(2.0)])]
        [2.0]
    """
    context: Any = tf.distribute.get_replica_context()
    if context is None or not tf.distribute.has_strategy():
        return list(values)
    given = [tf.convert_to_tensor(value) for value in values if value is not None]
    sums = iter(context.all_reduce(tf.distribute.ReduceOp.SUM, given))
    return [None if value is None else next(sums) for value in values]

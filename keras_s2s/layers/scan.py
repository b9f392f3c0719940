"""One loop over time for every recurrence, with a gradient made for speed.

Back-propagation through time needs the gradient of the step's own arithmetic at every step, but not
the gradient of the weight matrices. A step therefore names its matrices, as `Dense` values, and the
backward loop carries only the small gradients of the state: the gradient of each matrix is one
large product over all steps at the end. Automatic differentiation of a loop would make a product, a
transposition and an addition of the size of the matrix at every step instead.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_s2s.layers.dense import Step
from keras_s2s.layers.scan_unrolled import run_unrolled


def scan(
    step: Step,
    carry: Any,
    inputs: Any,
    weights: Any,
    *,
    reverse: bool = False,
    training: bool = False,
    unroll: bool = False,
) -> tuple[Any, Any]:
    """Run `step` once per position and return the last carry and all outputs.

    `step(carry, x, weights)` returns `(carry, y)`. It must be a pure function of its arguments, as
    it is run a second time, on the same values, to be differentiated. It calls each `Dense` of
    `weights` at most once.

    Args:
        step: The function of one position.
        carry: Nested structure of tensors `[B, ...]`, the state before the first position.
        inputs: Nested structure of tensors `[T, B, ...]`, read one position at a time.
        weights: Nested structure of `Dense` values and of tensors, the same at all positions. In
            all structures `None` stands for a missing part.
        reverse: Read the inputs from the last position to the first; outputs keep their positions.
        training: Whether a gradient will be asked for. Both settings give the same values and the
            same gradients; `True` keeps what the fast gradient needs.
        unroll: Write every position into the graph instead of a loop, for runtimes without loops;
            the length of the inputs must be known.

    Returns:
        The carry after the last position, and the outputs, a nested structure of `[T, B, ...]`.

    Raises:
        ValueError: `unroll` with inputs of unknown length; a `Dense` is called twice, or a variable
            is read that is not in `weights`.

    Example:
        >>> import numpy as np
        >>> from keras_s2s.layers.dense import Dense
        >>> def step(carry, x, double):
        ...     carry = double(carry) + x
        ...     return carry, carry
        >>> inputs = np.ones((3, 1, 1), "float32")
        >>> start, two = np.zeros((1, 1), "float32"), np.full((1, 1), 2.0, "float32")
        >>> last, outputs = scan(step, start, inputs, Dense(two))
        >>> np.asarray(outputs).ravel().tolist()
        [1.0, 3.0, 7.0]
    """
    if unroll:
        return run_unrolled(step, carry, inputs, weights, reverse=reverse)
    if keras.backend.backend() == "tensorflow":
        from keras_s2s.layers.scan_tensorflow import run_loop

        return run_loop(step, carry, inputs, weights, reverse=reverse, training=training)
    return ops.scan(lambda carry, x: step(carry, x, weights), carry, inputs, reverse=reverse)

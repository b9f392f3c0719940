"""One loop over time for every recurrence, with a gradient made for speed.

Back-propagation through time needs the gradient of the step's own arithmetic at every step, but not
the gradient of the weight matrices. A step therefore names its matrices, as `Dense` values, and the
backward loop carries only the small gradients of the state: the gradient of each matrix is one
large product over all steps at the end. Automatic differentiation of a loop would make a product, a
transposition and an addition of the size of the matrix at every step instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import ops, tree

from keras_s2s.search.structure import flatten

Step = Callable[[Any, Any, Any], tuple[Any, Any]]


class Dense(NamedTuple):
    """A matrix that a step multiplies with: `dense(v)` is `v @ matrix`, plus a bias if given.

    Example:
        >>> import numpy as np
        >>> tuple(Dense(np.ones((2, 3, 4)))(np.ones((2, 3))).shape)
        (2, 4)
    """

    matrix: Any  # [in, out], or [B, in, out]: one for each row
    bias: Any = None  # [out]

    def __call__(self, value: Any) -> Any:
        """The product, `[..., in] -> [..., out]`."""
        if len(self.matrix.shape) == 3 and len(value.shape) == 2:
            product = ops.squeeze(ops.matmul(ops.expand_dims(value, 1), self.matrix), 1)
        else:
            product = ops.matmul(value, self.matrix)
        return product if self.bias is None else product + self.bias


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
        return _unrolled(step, carry, inputs, weights, reverse)
    if keras.backend.backend() == "tensorflow":
        from keras_s2s.layers.scan_tensorflow import run_loop

        return run_loop(step, carry, inputs, weights, reverse=reverse, training=training)
    return ops.scan(lambda carry, x: step(carry, x, weights), carry, inputs, reverse=reverse)


def _unrolled(step: Step, carry: Any, inputs: Any, weights: Any, reverse: bool) -> tuple[Any, Any]:
    length = flatten(inputs)[0].shape[0]
    if length is None:
        raise ValueError("`unroll` needs inputs of known length. Received: length=None")
    outputs: list[Any] = [None] * length
    parts = [ops.unstack(value, length) for value in tree.flatten(inputs)]
    for position in reversed(range(length)) if reverse else range(length):
        x = tree.pack_sequence_as(inputs, [part[position] for part in parts])
        carry, outputs[position] = step(carry, x, weights)
    return carry, tree.map_structure(lambda *parts: ops.stack(parts), *outputs)

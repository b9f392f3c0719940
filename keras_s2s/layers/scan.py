"""One loop over time that serves every recurrence, with a gradient made for speed.

Back-propagation through time needs, at each step, the gradient of the step's own arithmetic; what
it does not need at each step is the gradient of the weight matrices. `scan` therefore takes the
matrices apart from the rest: the backward loop carries only the small gradients of the state, and
the gradient of each matrix is one large product over all steps at the end. Automatic
differentiation of a loop makes a product, a transposition and an addition of the size of the matrix
at every step instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
from keras import ops, tree

Step = Callable[[Any, Any, Any, Callable[[str, Any], Any]], tuple[Any, Any]]


def scan(
    step: Step,
    carry: Any,
    inputs: Any,
    constants: Any,
    kernels: dict[str, Any],
    *,
    reverse: bool = False,
    training: bool = False,
    unroll: bool = False,
) -> tuple[Any, Any]:
    """Run `step` once per position and return the last carry and all outputs.

    `step(carry, x, constants, dense)` returns `(carry, y)`. Inside it, `dense(name, v)` is the
    product `v @ kernels[name]`, and each kernel is used exactly once. The step must be a pure
    function of its arguments: it is run a second time, on the same values, to differentiate it.

    Args:
        step: The function of one position.
        carry: Nested structure of tensors `[B, ...]`, the state before the first position.
        inputs: Nested structure of tensors `[T, B, ...]`, read one position at a time.
        constants: Nested structure of tensors that are the same at all positions.
        kernels: By name a matrix `[in, out]`, a pair of a matrix and a bias `[out]` to add, or
            matrices `[B, in, out]`, one for each row.
        reverse: Read the inputs from the last position to the first; outputs keep their positions.
        training: Whether a gradient will be asked for. Both settings give the same values and the
            same gradients; `True` keeps what the fast gradient needs.
        unroll: Write every position into the graph instead of a loop, for runtimes that know none;
            the length of the inputs must be known.

    Returns:
        The carry after the last position, and the outputs, a nested structure of `[T, B, ...]`.

    Example:
        >>> import numpy as np
        >>> def step(carry, x, constants, dense):
        ...     carry = dense("double", carry) + x
        ...     return carry, carry
        >>> inputs = np.ones((3, 1, 1), "float32")
        >>> start, two = np.zeros((1, 1), "float32"), np.full((1, 1), 2.0, "float32")
        >>> last, outputs = scan(step, start, inputs, (), {"double": two})
        >>> np.asarray(outputs).ravel().tolist()
        [1.0, 3.0, 7.0]
    """
    if unroll:
        return _unrolled(step, carry, inputs, constants, kernels, reverse)
    if keras.backend.backend() == "tensorflow":
        from keras_s2s.layers.scan_tensorflow import Arguments, run_loop

        return run_loop(step, Arguments(carry, inputs, constants, kernels), reverse, training)

    def body(carry: Any, x: Any) -> tuple[Any, Any]:
        return step(carry, x, constants, lambda name, v: apply_kernel(v, kernels[name]))

    return ops.scan(body, carry, inputs, reverse=reverse)


def _unrolled(
    step: Step, carry: Any, inputs: Any, constants: Any, kernels: dict[str, Any], reverse: bool
) -> tuple[Any, Any]:
    length = tree.flatten(inputs)[0].shape[0]
    if length is None:
        raise ValueError("`unroll` needs inputs of known length. Received: length=None")
    outputs: list[Any] = [None] * length
    parts = [ops.unstack(value, length) for value in tree.flatten(inputs)]
    for position in reversed(range(length)) if reverse else range(length):
        x = tree.pack_sequence_as(inputs, [part[position] for part in parts])
        carry, outputs[position] = step(
            carry, x, constants, lambda name, v: apply_kernel(v, kernels[name])
        )
    return carry, tree.map_structure(lambda *parts: ops.stack(parts), *outputs)


def apply_kernel(value: Any, kernel: Any) -> Any:
    """`value @ matrix`, or `value @ matrix + bias` for a pair; `[B, in]` meets `[B, in, out]` too.

    Example:
        >>> import numpy as np
        >>> tuple(apply_kernel(np.ones((2, 3)), np.ones((2, 3, 4))).shape)
        (2, 4)
    """
    if isinstance(kernel, tuple):
        return ops.matmul(value, kernel[0]) + kernel[1]
    if len(kernel.shape) == 3 and len(value.shape) == 2:
        return ops.squeeze(ops.matmul(ops.expand_dims(value, 1), kernel), 1)
    return ops.matmul(value, kernel)

"""One loop over time that serves every recurrence, with a gradient made for speed.

Back-propagation through time needs, at each step, the gradient of the step's own arithmetic; what it does
*not* need at each step is the gradient of the weight matrices. `scan` therefore takes the matrices apart
from the rest: the backward loop carries only the small gradients of the state, and the gradient of each
matrix is one large product over all steps at the end. On a CPU that is a good deal faster than what
automatic differentiation of a loop does (a product, a transposition and an addition of the size of the
matrix at every step).
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
) -> tuple[Any, Any]:
    """Run `step` once per position and return the last carry and all outputs.

    `step(carry, x, constants, dense)` returns `(carry, y)`. Inside it, `dense(name, v)` is the product
    `v @ kernels[name]`, and each kernel is used exactly once. The step must be a pure function of its
    arguments: it is run a second time, on the same values, to differentiate it.

    Args:
        step: The function of one position.
        carry: Nested structure of tensors `[B, ...]`, the state before the first position.
        inputs: Nested structure of tensors `[T, B, ...]`, read one position at a time.
        constants: Nested structure of tensors that are the same at all positions.
        kernels: By name a matrix `[in, out]`, or a pair of a matrix and a bias `[out]` to add.
        reverse: Read the inputs from the last position to the first; outputs keep their positions.
        training: Whether a gradient will be asked for. Both settings give the same values and the
            same gradients; `True` keeps what the fast gradient needs.

    Returns:
        The carry after the last position, and the outputs, a nested structure of `[T, B, ...]`.

    Example:
        >>> import numpy as np
        >>> def step(carry, x, constants, dense):
        ...     carry = dense("double", carry) + x
        ...     return carry, carry
        >>> inputs = np.ones((3, 1, 1), "float32")
        >>> last, outputs = scan(step, np.zeros((1, 1), "float32"), inputs, (), {"double": np.full((1, 1), 2.0, "float32")})
        >>> np.asarray(outputs).ravel().tolist()
        [1.0, 3.0, 7.0]
    """
    if keras.backend.backend() == "tensorflow":
        return _scan_tensorflow(step, carry, inputs, constants, kernels, reverse, training)

    def body(carry: Any, x: Any) -> tuple[Any, Any]:
        return step(carry, x, constants, lambda name, v: apply_kernel(v, kernels[name]))

    return ops.scan(body, carry, inputs, reverse=reverse)


def apply_kernel(value: Any, kernel: Any) -> Any:
    """`value @ matrix`, or `value @ matrix + bias` for a pair."""
    if isinstance(kernel, tuple):
        return ops.matmul(value, kernel[0]) + kernel[1]
    return ops.matmul(value, kernel)


def _matrix(kernel: Any) -> Any:
    return kernel[0] if isinstance(kernel, tuple) else kernel


def _scan_tensorflow(
    step: Step,
    carry: Any,
    inputs: Any,
    constants: Any,
    kernels: dict[str, Any],
    reverse: bool,
    training: bool,
) -> tuple[Any, Any]:
    # The only place in `layers` that names TensorFlow: Keras has no operation that differentiates a function.
    import tensorflow as tf

    carry, inputs, constants, kernels = tree.map_structure(
        tf.convert_to_tensor, (carry, inputs, constants, kernels)
    )
    loop = _TensorFlowLoop(step, carry, inputs, constants, kernels, reverse)
    if not training:
        carry, outputs, _, _ = loop.forward(carry, inputs, constants, kernels, keep=False)
        return carry, outputs

    @tf.custom_gradient
    def run(*arguments: Any) -> Any:
        last, outputs, carries, products = loop.forward(*loop.pack(arguments), keep=True)

        def gradient(*upstream: Any) -> list[Any]:
            return loop.backward(arguments, carries, products, upstream)

        return tree.flatten((last, outputs)), gradient

    flat = run(*tree.flatten((carry, inputs, constants, kernels)))
    return tree.pack_sequence_as((carry, loop.output_structure), flat)


class _TensorFlowLoop:
    """The forward and the backward loop of one `scan`, under TensorFlow."""

    def __init__(
        self,
        step: Step,
        carry: Any,
        inputs: Any,
        constants: Any,
        kernels: dict[str, Any],
        reverse: bool,
    ) -> None:
        self.step = step
        self.structure = (carry, inputs, constants, kernels)
        self.reverse = reverse
        self.output_structure: Any = None

    def pack(self, arguments: Any) -> Any:
        return tree.pack_sequence_as(self.structure, list(arguments))

    def _position(self, index: Any, length: Any, backward: bool) -> Any:
        return length - 1 - index if self.reverse != backward else index

    def forward(self, carry: Any, inputs: Any, constants: Any, kernels: Any, keep: bool) -> tuple:
        """Return the last carry, the outputs, and (if `keep`) all carries and products, stacked."""
        import tensorflow as tf

        first = tree.flatten(inputs)[0]
        length = tf.shape(first)[0] if first.shape[0] is None else first.shape[0]
        names = sorted(kernels)
        outputs = self._output_specifications(carry, inputs, constants, kernels)

        def arrays(specifications: list[Any]) -> list[Any]:
            return [
                tf.TensorArray(s.dtype, size=length, element_shape=s.shape) for s in specifications
            ]

        def body(index: Any, carry: Any, outputs: Any, carries: Any, products: Any) -> tuple:
            position = self._position(index, length, backward=False)
            x = tree.map_structure(lambda value: value[position], inputs)
            seen = {}

            def dense(name: str, value: Any) -> Any:
                seen[name] = apply_kernel(value, kernels[name])
                return seen[name]

            new_carry, y = self.step(carry, x, constants, dense)
            outputs = [a.write(position, v) for a, v in zip(outputs, tree.flatten(y), strict=True)]
            if keep:
                values = tree.flatten(carry)
                carries = [a.write(position, v) for a, v in zip(carries, values, strict=True)]
                products = [
                    a.write(position, seen[n]) for a, n in zip(products, names, strict=True)
                ]
            return index + 1, new_carry, outputs, carries, products

        kept = tree.flatten(carry) if keep else []
        kept_products = self._product_specifications(carry, kernels) if keep else []
        _, carry, *stacks = tf.while_loop(
            lambda index, *_: index < length,
            body,
            (0, carry, arrays(outputs), arrays(kept), arrays(kept_products)),
            maximum_iterations=length,
        )
        outputs, carries, products = ([a.stack() for a in stack] for stack in stacks)
        return carry, tree.pack_sequence_as(self.output_structure, outputs), carries, products

    def _output_specifications(self, carry: Any, inputs: Any, constants: Any, kernels: Any) -> list:
        """Trace one step to learn the structure, dtypes and shapes of its outputs."""
        import tensorflow as tf

        def once(carry: Any, x: Any, constants: Any, kernels: Any) -> Any:
            return self.step(carry, x, constants, lambda name, v: apply_kernel(v, kernels[name]))[1]

        def specification(value: Any, start: int = 0) -> Any:
            return tf.TensorSpec(value.shape[start:], value.dtype)

        traced = tf.function(once, autograph=False).get_concrete_function(
            tree.map_structure(specification, carry),
            tree.map_structure(lambda value: specification(value, 1), inputs),
            tree.map_structure(specification, constants),
            tree.map_structure(specification, kernels),
        )
        self.output_structure = traced.structured_outputs
        return tree.flatten(self.output_structure)

    def _product_specifications(self, carry: Any, kernels: Any) -> list[Any]:
        import tensorflow as tf

        batch = tree.flatten(carry)[0].shape[0]
        return [
            tf.TensorSpec([batch, matrix.shape[1]], matrix.dtype)
            for matrix in (_matrix(kernels[name]) for name in sorted(kernels))
        ]

    def backward(self, arguments: Any, carries: Any, products: Any, upstream: Any) -> list[Any]:
        """Return the gradients of `arguments`, given those of the last carry and of the outputs."""
        import tensorflow as tf

        carry, inputs, constants, kernels = self.pack(arguments)
        names = sorted(kernels)
        matrices = [_matrix(kernels[name]) for name in names]
        transposed = [tf.transpose(matrix) for matrix in matrices]
        count = len(tree.flatten(carry))
        d_carry, d_outputs = list(upstream[:count]), list(upstream[count:])
        flat_inputs, flat_constants = tree.flatten(inputs), tree.flatten(constants)
        trained = [i for i, v in enumerate(flat_inputs) if v.dtype.is_floating]
        constant = [i for i, v in enumerate(flat_constants) if v.dtype.is_floating]
        length = tf.shape(carries[0])[0]

        def array(value: Any) -> Any:
            return tf.TensorArray(value.dtype, size=length, element_shape=value.shape[1:])

        def body(
            index: Any, d_carry: Any, d_inputs: Any, d_constants: Any, rows: Any, d_products: Any
        ) -> tuple:
            t = self._position(index, length, backward=True)
            state = [v[t] for v in carries]
            x = [v[t] for v in flat_inputs]
            product = [v[t] for v in products]
            # Copies: one tensor in two places (keys and memory of a "dot" score) gets two gradients.
            fixed = [tf.identity(v) for v in flat_constants]
            sources = (state, [x[i] for i in trained], [fixed[i] for i in constant], product)
            seen: dict[str, Any] = {}
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(sources)

                def dense(name: str, value: Any) -> Any:
                    seen[name] = value
                    which = names.index(name)
                    return _link(value, product[which], transposed[which])

                new_carry, y = self.step(
                    tree.pack_sequence_as(carry, state),
                    tree.pack_sequence_as(inputs, x),
                    tree.pack_sequence_as(constants, fixed),
                    dense,
                )
            gradients = tape.gradient(
                tree.flatten((new_carry, y)),
                sources,
                output_gradients=[*d_carry, *(v[t] for v in d_outputs)],
                unconnected_gradients=tf.UnconnectedGradients.ZERO,
            )
            d_state, d_x, d_constant, d_product = gradients
            return (
                index + 1,
                d_state,
                [a.write(t, v) for a, v in zip(d_inputs, d_x, strict=True)],
                [a + tf.cast(v, a.dtype) for a, v in zip(d_constants, d_constant, strict=True)],
                [a.write(t, seen[n]) for a, n in zip(rows, names, strict=True)],
                [a.write(t, v) for a, v in zip(d_products, d_product, strict=True)],
            )

        batch = carries[0].shape[1]
        start = (
            0,
            d_carry,
            [array(flat_inputs[i]) for i in trained],
            [tf.zeros(tf.shape(flat_constants[i]), tf.float32) for i in constant],
            [
                tf.TensorArray(matrix.dtype, length, element_shape=[batch, matrix.shape[0]])
                for matrix in matrices
            ],
            [array(v) for v in products],
        )
        _, d_carry, d_inputs, d_constants, rows, d_products = tf.while_loop(
            lambda index, *_: index < length, body, start, maximum_iterations=length
        )
        by_input = dict(zip(trained, d_inputs, strict=True))
        by_constant = dict(zip(constant, d_constants, strict=True))
        d_kernels = []
        for name, matrix, row, d_product in zip(names, matrices, rows, d_products, strict=True):
            row = tf.reshape(row.stack(), [-1, matrix.shape[0]])
            d_product = tf.reshape(d_product.stack(), [-1, matrix.shape[1]])
            d_kernels.append(tf.matmul(row, d_product, transpose_a=True))
            if isinstance(kernels[name], tuple):
                d_kernels.append(tf.reduce_sum(d_product, axis=0))
        return [
            *d_carry,
            *(by_input[i].stack() if i in by_input else None for i in range(len(flat_inputs))),
            *(
                tf.cast(by_constant[i], value.dtype) if i in by_constant else None
                for i, value in enumerate(flat_constants)
            ),
            *d_kernels,
        ]


def _link(value: Any, product: Any, transposed: Any) -> Any:
    """`value @ kernel`, which is known already: gives `product`, and the gradient of both."""
    import tensorflow as tf

    @tf.custom_gradient
    def known(value: Any, product: Any) -> Any:
        del value
        return tf.identity(product), lambda upstream: (tf.matmul(upstream, transposed), upstream)

    return known(value, product)

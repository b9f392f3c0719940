"""The loop of `scan` under TensorFlow, forward and backward.

The only module of `layers` that names TensorFlow: Keras has no operation that differentiates a
function, and the backward loop differentiates the step, one position at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf
from keras import tree


class Arguments(NamedTuple):
    """What a scan is a function of."""

    carry: Any
    inputs: Any
    constants: Any
    kernels: dict[str, Any]


def run_loop(step: Callable[..., Any], arguments: Arguments, reverse: bool, training: bool) -> Any:
    """Run a scan, see `keras_s2s.layers.scan.scan`."""
    arguments = tree.map_structure(tf.convert_to_tensor, arguments)
    if not training:
        return _run_forward(step, arguments, reverse)
    loop = _TensorFlowLoop(step, arguments, reverse)

    @tf.custom_gradient
    def run(*flat: Any) -> Any:
        last, outputs, carries, products = loop.forward(loop.pack(flat), keep=True)

        def gradient(*upstream: Any) -> list[Any]:
            return loop.backward(loop.pack(flat), carries, products, list(upstream))

        return tree.flatten((last, outputs)), gradient

    flat = run(*tree.flatten(arguments))
    return tree.pack_sequence_as((arguments.carry, loop.outputs), flat)


def _run_forward(step: Callable[..., Any], arguments: Arguments, reverse: bool) -> Any:
    """A scan without a gradient of its own.

    In reverse it turns inputs and outputs round: tf2onnx takes for granted that a loop writes its
    outputs from the first to the last.
    """
    if reverse:
        turned = tree.map_structure(lambda value: tf.reverse(value, [0]), arguments.inputs)
        arguments = arguments._replace(inputs=turned)
    loop = _TensorFlowLoop(step, arguments, reverse=False)
    last, outputs, *_ = loop.forward(arguments, keep=False)
    if reverse:
        outputs = tree.map_structure(lambda value: tf.reverse(value, [0]), outputs)
    return last, outputs


class _TensorFlowLoop:
    """The forward and the backward loop of one scan; lists of tensors are flattened structures."""

    def __init__(self, step: Callable[..., Any], arguments: Arguments, reverse: bool) -> None:
        self.step = step
        self.structure = arguments
        self.names = sorted(arguments.kernels)
        self.matrices = [_matrix(arguments.kernels[name]) for name in self.names]
        self.outputs = self._trace(arguments)
        self.reverse = reverse

    def pack(self, flat: Any) -> Arguments:
        return tree.pack_sequence_as(self.structure, list(flat))

    def _trace(self, arguments: Arguments) -> Any:
        """Structure, shapes and dtypes of one position's outputs."""

        def once(carry: Any, x: Any, constants: Any, kernels: Any) -> Any:
            return self.step(carry, x, constants, lambda n, v: _apply(v, kernels[n]))[1]

        carry, inputs, constants, kernels = tree.map_structure(
            lambda value: tf.TensorSpec(value.shape, value.dtype), arguments
        )
        one = tree.map_structure(lambda spec: tf.TensorSpec(spec.shape[1:], spec.dtype), inputs)
        function: Any = tf.function(once, autograph=False)
        return function.get_concrete_function(carry, one, constants, kernels).structured_outputs

    def forward(self, arguments: Arguments, keep: bool) -> tuple[Any, Any, list, list]:
        """The last carry, the outputs and, if `keep`, each position's carry and products."""
        carry, inputs, constants, kernels = arguments
        length = tf.shape(tree.flatten(inputs)[0])[0]

        def body(index: Any, carry: Any, outputs: Any, carries: Any, products: Any) -> tuple:
            position = length - 1 - index if self.reverse else index
            made: dict[str, Any] = {}

            def dense(name: str, value: Any) -> Any:
                made[name] = _apply(value, kernels[name])
                return made[name]

            x = tree.map_structure(lambda value: value[position], inputs)
            after, y = self.step(carry, x, constants, dense)
            outputs = _write(outputs, position, tree.flatten(y))
            if keep:
                carries = _write(carries, position, tree.flatten(carry))
                products = _write(products, position, [made[name] for name in self.names])
            return index + 1, after, outputs, carries, products

        flat = tree.flatten(carry)
        batch = flat[0].shape[0]
        widths = [tf.TensorSpec([batch, m.shape[-1]], m.dtype) for m in self.matrices]
        start = (
            _arrays(tree.flatten(self.outputs), length),
            _arrays(flat if keep else [], length),
            _arrays(widths if keep else [], length),
        )
        _, last, *stacks = tf.while_loop(
            lambda index, *_: index < length, body, (0, carry, *start), maximum_iterations=length
        )
        outputs, carries, products = ([array.stack() for array in stack] for stack in stacks)
        return last, tree.pack_sequence_as(self.outputs, outputs), carries, products

    def backward(
        self, arguments: Arguments, carries: list, products: list, upstream: list
    ) -> list[Any]:
        """The gradients of all arguments, given those of the last carry and of the outputs."""
        inputs, constants = tree.flatten(arguments.inputs), tree.flatten(arguments.constants)
        transposed = [tf.linalg.matrix_transpose(matrix) for matrix in self.matrices]
        length = tf.shape(carries[0])[0]
        d_last, d_outputs = upstream[: len(carries)], upstream[len(carries) :]

        def body(
            index: Any, d_carry: Any, d_inputs: Any, d_constants: Any, factors: Any, d_products: Any
        ) -> tuple:
            position = index if self.reverse else length - 1 - index
            carry, x, product, d_y = (
                [value[position] for value in values]
                for values in (carries, inputs, products, d_outputs)
            )
            d_carry, d_x, d_constant, factor, d_product = self._differentiate(
                carry, x, constants, product, transposed, [*d_carry, *d_y]
            )
            d_constants = [
                total + tf.cast(new, total.dtype)
                for total, new in zip(d_constants, d_constant, strict=True)
            ]
            return (
                index + 1,
                d_carry,
                _write(d_inputs, position, d_x),
                d_constants,
                _write(factors, position, factor),
                _write(d_products, position, d_product),
            )

        rows = [tf.TensorSpec([carries[0].shape[1], m.shape[-2]], m.dtype) for m in self.matrices]
        start = (
            d_last,
            _arrays(_floating(inputs), length, stacked=True),
            [tf.zeros(tf.shape(v), _sum_dtype(v.dtype)) for v in _floating(constants)],
            _arrays(rows, length),
            _arrays(products, length, stacked=True),
        )
        _, d_carry, d_inputs, d_constants, factors, d_products = tf.while_loop(
            lambda index, *_: index < length, body, (0, *start), maximum_iterations=length
        )
        return [
            *d_carry,
            *_spread([array.stack() for array in d_inputs], inputs),
            *_spread(d_constants, constants),
            *self._kernel_gradients(arguments.kernels, factors, d_products),
        ]

    def _differentiate(
        self, carry: list, x: list, constants: list, product: list, transposed: list, upstream: list
    ) -> tuple[list, list, list, list, list]:
        """Run one position again, its products known, and return the gradients of what it reads.

        Returns:
            The gradients of carry, inputs and constants, what each kernel was multiplied with, and
            the gradients of the products.
        """
        # Copies: a tensor in two places (keys and memory of a "dot" score) gets two gradients.
        constants = [tf.identity(value) for value in constants]
        sources = (carry, _floating(x), _floating(constants), product)
        factors: dict[str, Any] = {}
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(sources)

            def dense(name: str, value: Any) -> Any:
                which = self.names.index(name)
                factors[name] = value
                return _known_product(value, product[which], transposed[which])

            pack = tree.pack_sequence_as
            after = self.step(
                pack(self.structure.carry, carry),
                pack(self.structure.inputs, x),
                pack(self.structure.constants, constants),
                dense,
            )
        gradients: Any = tape.gradient(
            tree.flatten(after),
            sources,
            output_gradients=upstream,
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        d_carry, d_x, d_constants, d_product = gradients
        return d_carry, d_x, d_constants, [factors[name] for name in self.names], d_product

    def _kernel_gradients(self, kernels: dict[str, Any], factors: list, d_products: list) -> list:
        """One large product for each matrix, or for each row's matrix, over all positions."""
        gradients = []
        for name, matrix, factor, d_product in zip(
            self.names, self.matrices, factors, d_products, strict=True
        ):
            factor, d_product = factor.stack(), d_product.stack()  # [T, B, in], [T, B, out]
            if matrix.shape.rank == 3:
                factor = tf.transpose(factor, (1, 2, 0))
                gradients.append(tf.matmul(factor, tf.transpose(d_product, (1, 0, 2))))
                continue
            factor = tf.reshape(factor, [-1, matrix.shape[0]])
            d_product = tf.reshape(d_product, [-1, matrix.shape[1]])
            gradients.append(tf.matmul(factor, d_product, transpose_a=True))
            if isinstance(kernels[name], tuple):
                gradients.append(tf.reduce_sum(d_product, axis=0))
        return gradients


def _known_product(value: Any, product: Any, transposed: Any) -> Any:
    """`value @ kernel`, which is `product` already: nothing to compute but the gradient."""

    @tf.custom_gradient
    def known(value: Any, product: Any) -> Any:
        del value
        return tf.identity(product), lambda upstream: (_product(upstream, transposed), upstream)

    return known(value, product)


def _arrays(values: list, length: Any, stacked: bool = False) -> list:
    """An array of `length` places for each value; `stacked` values have the positions in front."""
    return [
        tf.TensorArray(v.dtype, length, element_shape=v.shape[1:] if stacked else v.shape)
        for v in values
    ]


def _write(arrays: list, position: Any, values: list) -> list:
    return [array.write(position, value) for array, value in zip(arrays, values, strict=True)]


def _floating(values: list) -> list:
    return [value for value in values if value.dtype.is_floating]


def _sum_dtype(dtype: Any) -> Any:
    """Where to add up many small gradients: float32 at least."""
    return tf.float32 if dtype.size < 4 else dtype


def _spread(gradients: list, values: list) -> list:
    """Gradients of the floating values among `values`, in their dtypes; None for the others."""
    rest = iter(gradients)
    return [tf.cast(next(rest), v.dtype) if v.dtype.is_floating else None for v in values]


def _matrix(kernel: Any) -> Any:
    return kernel[0] if isinstance(kernel, tuple) else kernel


def _product(value: Any, matrix: Any) -> Any:
    """`[B, in]` times `[in, out]` or `[B, in, out]`."""
    if matrix.shape.rank == 3:
        return tf.squeeze(tf.matmul(value[:, None], matrix), 1)
    return tf.matmul(value, matrix)


def _apply(value: Any, kernel: Any) -> Any:
    product = _product(value, _matrix(kernel))
    return product + kernel[1] if isinstance(kernel, tuple) else product

"""The gradient of a scan under TensorFlow, by a loop from the last position to the first.

Keras has no operation that differentiates a function, and this loop differentiates the step, one
position at a time.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from keras_s2s.search.structure import flatten


def gradients(
    loop: Any, arguments: Any, carries: list, products: list, upstream: list
) -> list[Any]:
    """The gradients of all arguments of a scan.

    Args:
        loop: The `TensorFlowLoop`.
        arguments: Its `Arguments`.
        carries: The carry before each position, `[T, B, ...]`.
        products: The products of each position, `[T, B, out]`.
        upstream: The gradients of the last carry and of the outputs.

    Returns:
        A gradient for each tensor of the arguments; `None` for integers.
    """
    inputs, constants = flatten(arguments.inputs), arguments.constants
    transposed = [tf.linalg.matrix_transpose(matrix) for matrix in loop.matrices]
    length, count = tf.shape(carries[0])[0], len(carries)
    d_last, d_outputs = upstream[:count], upstream[count:]

    def body(index: Any, d_carry: list, d_constants: list, stacks: tuple) -> tuple:
        position = index if loop.reverse else length - 1 - index
        carry, x, product, d_y = (
            [value[position] for value in values]
            for values in (carries, inputs, products, d_outputs)
        )
        d_carry, d_x, d_constant, factors, d_product = _differentiate(
            loop, (carry, x, constants, product), transposed, [*d_carry, *d_y]
        )
        sums = [s + tf.cast(d, s.dtype) for s, d in zip(d_constants, d_constant, strict=True)]
        found = zip(stacks, (d_x, factors, d_product), strict=True)
        return index + 1, d_carry, sums, tuple(write(stack, position, new) for stack, new in found)

    rows = [tf.TensorSpec([carries[0].shape[1], m.shape[-2]], m.dtype) for m in loop.matrices]
    stacks = (
        arrays(_floating(inputs), length, stacked=True),
        arrays(rows, length),
        arrays(products, length, stacked=True),
    )
    sums = [tf.zeros(tf.shape(v), _sum_dtype(v.dtype)) for v in _floating(constants)]
    _, d_carry, sums, stacks = tf.while_loop(
        lambda index, *_: index < length, body, (0, d_last, sums, stacks), maximum_iterations=length
    )
    d_inputs, factors, d_products = ([array.stack() for array in stack] for stack in stacks)
    return [
        *d_carry,
        *_spread(d_inputs, inputs),
        *_spread(sums, constants),
        *_dense_gradients(arguments.denses, loop.used, factors, d_products),
    ]


def _differentiate(
    loop: Any, values: tuple, transposed: list, upstream: list
) -> tuple[list, list, list, list, list]:
    """Run one position again, its products known, and return the gradients of what it reads.

    Args:
        loop: The loop.
        values: The carry, inputs, constants and products of the position.
        transposed: The transposed matrices.
        upstream: The gradients of the position's carry and output.

    Returns:
        The gradients of carry, inputs and constants, what each matrix was multiplied with, and the
        gradients of the products.
    """
    carry, x, constants, products = values
    # Copies: a tensor that is passed twice (keys and memory of a "dot" score) gets two gradients.
    constants = [tf.identity(value) for value in constants]
    sources = (carry, _floating(x), _floating(constants), products)
    factors: dict[int, Any] = {}
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(sources)

        def known(number: int, value: Any) -> Any:
            which = loop.used.index(number)
            factors[number] = value
            return _known_product(value, products[which], transposed[which])

        after, y = loop.run_step(carry, x, constants, known)
    found: Any = tape.gradient(
        [*after, *flatten(y)],
        sources,
        output_gradients=upstream,
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )
    d_carry, d_x, d_constants, d_products = found
    return d_carry, d_x, d_constants, [factors[number] for number in loop.used], d_products


def _dense_gradients(denses: list, used: list[int], factors: list, d_products: list) -> list:
    """One large product for each matrix, or for each row's matrix, over all positions."""
    found = []
    for number, (matrix, bias) in enumerate(denses):
        if number not in used:
            found += [tf.zeros_like(value) for value in flatten((matrix, bias))]
            continue
        which = used.index(number)
        factor, d_product = factors[which], d_products[which]  # [T, B, in], [T, B, out]
        if matrix.shape.rank == 3:
            factor = tf.transpose(factor, (1, 2, 0))
            found.append(tf.matmul(factor, tf.transpose(d_product, (1, 0, 2))))
        else:
            factor = tf.reshape(factor, [-1, matrix.shape[0]])
            product = tf.reshape(d_product, [-1, matrix.shape[1]])
            found.append(tf.matmul(factor, product, transpose_a=True))
        if bias is not None:
            found.append(tf.reduce_sum(d_product, axis=(0, 1)))
    return found


def _known_product(value: Any, product: Any, transposed: Any) -> Any:
    """`value @ matrix`, which is `product` already: only the gradient is left to compute."""

    @tf.custom_gradient
    def known(value: Any, product: Any) -> Any:
        del value
        return tf.identity(product), lambda upstream: (_product(upstream, transposed), upstream)

    return known(value, product)


def _product(value: Any, matrix: Any) -> Any:
    """`[B, in]` times `[in, out]` or `[B, in, out]`."""
    if matrix.shape.rank == 3:
        return tf.squeeze(tf.matmul(value[:, None], matrix), 1)
    return tf.matmul(value, matrix)


def arrays(values: list, length: Any, stacked: bool = False) -> list:
    """A `TensorArray` of `length` entries for each value; `stacked` values are `[T, ...]`."""
    return [
        tf.TensorArray(v.dtype, length, element_shape=v.shape[1:] if stacked else v.shape)
        for v in values
    ]


def write(stack: list, position: Any, values: list) -> list:
    """The arrays with an entry of each value."""
    return [array.write(position, value) for array, value in zip(stack, values, strict=True)]


def _floating(values: list) -> list:
    return [value for value in values if value.dtype.is_floating]


def _sum_dtype(dtype: Any) -> Any:
    """Where to add up many small gradients: float32 at least."""
    return tf.float32 if dtype.size < 4 else dtype


def _spread(found: list, values: list) -> list:
    """Gradients of the floating values among `values`, in their dtypes; None for the others."""
    rest = iter(found)
    return [tf.cast(next(rest), v.dtype) if v.dtype.is_floating else None for v in values]

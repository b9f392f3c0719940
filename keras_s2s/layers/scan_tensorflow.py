"""The loop of `scan` under TensorFlow; its gradient is in `scan_gradient.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf
from keras import tree

from keras_s2s.layers.scan import Dense, Step
from keras_s2s.layers.scan_gradient import arrays, gradients, write
from keras_s2s.search.structure import flatten, map_tensors, pack

_DENSE = object()  # Stands for a `Dense` in a structure of weights.


class Arguments(NamedTuple):
    """What a scan is a function of; flattened, its tensors in this order."""

    carry: Any
    inputs: Any
    constants: list  # the tensors among the weights
    denses: list[Dense]


def run_loop(
    step: Step, carry: Any, inputs: Any, weights: Any, *, reverse: bool, training: bool
) -> Any:
    """Run a scan, see `keras_s2s.layers.scan.scan`."""
    carry, inputs, weights = map_tensors(tf.convert_to_tensor, (carry, inputs, weights))
    if not training:
        return _run_forward(step, carry, inputs, weights, reverse)
    loop = TensorFlowLoop(step, carry, inputs, weights, reverse)
    loop.check_variables()

    @tf.custom_gradient
    def run(*flat: Any) -> Any:
        arguments = pack(loop.arguments, flat)
        last, outputs, carries, products = loop.forward(arguments, keep=True)

        def gradient(*upstream: Any) -> list[Any]:
            return gradients(loop, arguments, carries, products, list(upstream))

        return [*last, *outputs], gradient

    return loop.pack_results(run(*flatten(loop.arguments)))


def _run_forward(step: Step, carry: Any, inputs: Any, weights: Any, reverse: bool) -> Any:
    """A scan without a gradient of its own.

    In reverse it reverses inputs and outputs: tf2onnx takes for granted that a loop writes its
    outputs from the first to the last.
    """

    def ordered(values: Any) -> Any:
        return map_tensors(lambda value: tf.reverse(value, [0]), values) if reverse else values

    loop = TensorFlowLoop(step, carry, ordered(inputs), weights, reverse=False)
    last, outputs, *_ = loop.forward(loop.arguments, keep=False)
    last, outputs = loop.pack_results([*last, *outputs])
    return last, ordered(outputs)


class TensorFlowLoop:
    """The loop of one scan; lists of tensors are flattened structures.

    Attributes:
        arguments: What the scan is a function of.
        used: The numbers of the denses that the step calls, in the order of its calls.
        matrices: Their matrices.
        reverse: Whether it runs from the last position to the first.
    """

    def __init__(self, step: Step, carry: Any, inputs: Any, weights: Any, reverse: bool) -> None:
        self.step = step
        self.reverse = reverse
        denses: list[Dense] = []

        def take(value: Any) -> Any:
            if isinstance(value, Dense):
                denses.append(value)
                return _DENSE
            return None  # Look inside.

        self.weights = tree.traverse(take, weights)
        constants = [one for one in flatten(self.weights) if one is not _DENSE]
        self.arguments = Arguments(carry, inputs, constants, denses)
        self.used: list[int] = []  # The denses that the step calls.
        self.output: Any = None  # The structure of one position's output.
        self.trace = self._trace()
        self.matrices = [denses[index].matrix for index in self.used]

    def pack_results(self, flat: Sequence[Any]) -> Any:
        """The last carry and the outputs, from their tensors."""
        return pack((self.arguments.carry, self.output), flat)

    def check_variables(self) -> None:
        """Raise ValueError if the step reads a variable that would get no gradient."""
        if self.trace.variables:
            names = ", ".join(variable.name for variable in self.trace.variables)
            raise ValueError(
                "A step must get everything that is trained through `weights`: return it from "
                f"`step_weights`. Received: a step that reads {names} itself."
            )

    def run_step(
        self, carry: list, x: list, constants: list, products: Callable[[int, Any], Any]
    ) -> tuple[list, Any]:
        """The carry after one position and its output, where `products` makes all products."""
        called: set[int] = set()

        def dense(index: int) -> Callable[[Any], Any]:
            def product(value: Any) -> Any:
                if index in called:
                    raise ValueError(
                        "A step can call each of its Dense weights once. "
                        f"Received: a second call of number {index} of the weights."
                    )
                called.add(index)
                return products(index, value)

            return product

        denses, rest = iter(range(len(self.arguments.denses))), iter(constants)
        leaves = [
            dense(next(denses)) if leaf is _DENSE else None if leaf is None else next(rest)
            for leaf in tree.flatten(self.weights)
        ]
        after, output = self.step(
            pack(self.arguments.carry, carry),
            pack(self.arguments.inputs, x),
            tree.pack_sequence_as(self.weights, leaves),
        )
        return flatten(after), output

    def _trace(self) -> Any:
        """One position as a graph: the structure, shapes and dtypes of its output."""

        def once(*flat: Any) -> list:
            carry, x, constants, denses = pack(self.arguments, flat)

            def product(index: int, value: Any) -> Any:
                self.used.append(index)
                return denses[index](value)

            _, self.output = self.run_step(flatten(carry), flatten(x), constants, product)
            return flatten(self.output)

        def spec(value: Any) -> Any:
            return tf.TensorSpec(value.shape, value.dtype)

        def position_spec(value: Any) -> Any:
            return tf.TensorSpec(value.shape[1:], value.dtype)

        carry, inputs, constants, denses = self.arguments
        specs = [
            *map(spec, flatten(carry)),
            *map(position_spec, flatten(inputs)),
            *map(spec, flatten((constants, denses))),
        ]
        return tf.function(once, autograph=False).get_concrete_function(*specs)  # pyright: ignore

    def forward(self, arguments: Arguments, keep: bool) -> tuple[list, list, list, list]:
        """The last carry, the outputs and, if `keep`, each position's carry and products."""
        carry, inputs = flatten(arguments.carry), flatten(arguments.inputs)
        length = tf.shape(inputs[0])[0]

        def body(index: Any, carry: list, outputs: list, carries: list, products: list) -> tuple:
            position = length - 1 - index if self.reverse else index
            made: dict[int, Any] = {}

            def product(index: int, value: Any) -> Any:
                made[index] = arguments.denses[index](value)
                return made[index]

            x = [value[position] for value in inputs]
            after, y = self.run_step(carry, x, arguments.constants, product)
            outputs = write(outputs, position, flatten(y))
            if keep:
                carries = write(carries, position, carry)
                products = write(products, position, [made[index] for index in self.used])
            return index + 1, after, outputs, carries, products

        batch = carry[0].shape[0]
        widths = [tf.TensorSpec([batch, m.shape[-1]], m.dtype) for m in self.matrices]
        start = (
            arrays(self.trace.outputs, length),
            arrays(carry if keep else [], length),
            arrays(widths if keep else [], length),
        )
        _, last, *stacks = tf.while_loop(
            lambda index, *_: index < length, body, (0, carry, *start), maximum_iterations=length
        )
        outputs, carries, products = ([array.stack() for array in stack] for stack in stacks)
        return last, outputs, carries, products

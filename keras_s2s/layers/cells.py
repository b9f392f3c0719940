"""The base class of the recurrent cells, and the LSTM."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
from keras import ops

from keras_s2s.layers.scan import Dense


class CellWeights(NamedTuple):
    """What a cell multiplies its state with at every position."""

    recurrent: Dense  # U, and the bias of the recurrent product where there is one


class Cell(keras.layers.Layer):
    """Base class of the cells, with `kernel [I, G*U]`, `recurrent_kernel [U, G*U]` and a bias.

    A subclass says how many gates it has and what its state is called, and defines `advance`. What
    else it needs of its weights comes through the structure that `step_weights` returns.

    The arithmetic inside the gates is float32 whatever the compute dtype: only the matrix products,
    which are nearly all of the work, use the lower precision.

    Args:
        units: Size U of the state.
        name: Name of the layer.
        dtype: Dtype or policy, as for any Keras layer.

    Attributes:
        gates: G, the number of products of size U.
        state_names: The names of the parts of a state; the first is the output.
        additive: Whether `x W` and `h U` are simply added, so that one product can make both.

    Example:
        >>> import numpy as np
        >>> class LeakyCell(Cell):
        ...     "h' = h / 2 + tanh(x W + h U + b)"
        ...     gates, state_names, additive = 1, ("hidden",), True
        ...     def advance(self, projected, recurrent, state, weights):
        ...         return (state[0] / 2 + ops.tanh(projected + recurrent),)
        >>> cell = LeakyCell(3)
        >>> cell.build((None, 2))
        >>> weights, state = cell.step_weights(), cell.initial_state(4)
        >>> projected = cell.project(np.ones((4, 2), "float32"))
        >>> (hidden,) = cell.advance(projected, weights.recurrent(state[0]), state, weights)
        >>> tuple(hidden.shape)
        (4, 3)
    """

    gates: int
    state_names: tuple[str, ...]
    additive: bool

    def __init__(self, units: int, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.units = units

    def build(self, input_shape: tuple) -> None:
        """Make the weights for inputs `[..., I]`."""
        width = self.gates * self.units
        self.kernel = self.add_weight(
            shape=(input_shape[-1], width), initializer="glorot_uniform", name="kernel"
        )
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, width), initializer=_orthogonal, name="recurrent_kernel"
        )
        self.bias = self.add_weight(shape=(width,), initializer=self._initial_bias, name="bias")

    def input_weights(self) -> Dense:
        """`W` and `b`, for the product with the inputs, in the compute dtype."""
        return Dense(self._cast(self.kernel), self._cast(self.bias))

    def step_weights(self) -> Any:
        """What is the same at all positions: `weights.recurrent(h)` is `h U`."""
        return CellWeights(Dense(self._cast(self.recurrent_kernel)))

    def advance(self, projected: Any, recurrent: Any, state: tuple, weights: Any) -> tuple:
        """The state after one position.

        Args:
            projected: `x W + b`, `[B, G*U]`.
            recurrent: `h U`, `[B, G*U]`.
            state: The parts of the state before, each `[B, U]`.
            weights: `step_weights()`.

        Returns:
            The parts of the new state, in the dtypes of `state`.
        """
        raise TypeError(
            "A subclass of Cell must define `advance(projected, recurrent, state, weights)`. "
            f"Received: {type(self).__name__} without it."
        )

    def _cast(self, value: Any) -> Any:
        return ops.cast(value, self.compute_dtype)

    def _initial_bias(self, shape: tuple, dtype: Any = None) -> Any:
        return ops.zeros(shape, dtype)

    def project(self, inputs: Any) -> Any:
        """`x W + b`, for one position or for all, `[..., I] -> [..., G*U]`."""
        return self.input_weights()(self._cast(inputs))

    def initial_state(self, batch: Any) -> tuple:
        """Zeros `[B, U]` for each part of the state."""
        return tuple(
            ops.zeros((batch, self.units), "float32" if name == "cell" else self.compute_dtype)
            for name in self.state_names
        )


def _orthogonal(shape: tuple, dtype: Any = None) -> Any:
    """Orthogonal in float32 first: no backend decomposes a matrix of bfloat16."""
    return ops.cast(keras.initializers.Orthogonal()(shape, "float32"), dtype)


@keras.saving.register_keras_serializable("keras_s2s")
class LSTMCell(Cell):
    """Long short-term memory with forget gate.

    With `z = x W + h U + b`, cut into `z_i`, `z_f`, `z_g` and `z_o` in this order:

    1. `i = sigmoid(z_i)`, `f = sigmoid(z_f)`, `o = sigmoid(z_o)`
    2. `c' = f * c + i * tanh(z_g)`
    3. `h' = o * tanh(c')`

    Args:
        units: Size U of the state.
        name: Name of the layer.
        dtype: Dtype or policy, as for any Keras layer.

    Example:
        >>> import numpy as np
        >>> cell = LSTMCell(3)
        >>> cell.build((None, 2))
        >>> state = cell.initial_state(4)
        >>> projected = cell.project(np.ones((4, 2), "float32"))
        >>> hidden, memory = cell.advance(projected, state[0] @ cell.recurrent_kernel, state)
        >>> tuple(hidden.shape)
        (4, 3)

    Source: Hochreiter and Schmidhuber 1997; forget gate of Gers et al. 2000, its bias starting at 1
    as in Jozefowicz et al. 2015.
    """

    gates = 4
    additive = True
    state_names = ("hidden", "cell")

    def _initial_bias(self, shape: tuple, dtype: Any = None) -> Any:
        gate = ops.arange(shape[0]) // self.units
        return ops.cast(gate == 1, dtype)

    def advance(self, projected: Any, recurrent: Any, state: tuple, weights: Any = None) -> tuple:
        """The state `(h', c')` after one position, see `Cell.advance`."""
        z = ops.cast(projected, "float32") + ops.cast(recurrent, "float32")
        cell, output_gate = self.gated(z, state[1])
        return ops.cast(output_gate * ops.tanh(cell), state[0].dtype), cell

    def gated(self, z: Any, cell: Any) -> tuple[Any, Any]:
        """The new `c'` and the output gate `o`, from `z` `[B, 4U]` and `c` `[B, U]`."""
        input_gate, forget_gate, candidate, output_gate = ops.split(z, 4, axis=-1)
        cell = ops.sigmoid(forget_gate) * cell + ops.sigmoid(input_gate) * ops.tanh(candidate)
        return cell, ops.sigmoid(output_gate)

"""Recurrent cells, and the loop that runs one over a sentence."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_s2s.layers.scan import scan


class _Cell(keras.layers.Layer):
    """What the cells share: weights `kernel [I, G*U]`, `recurrent_kernel [U, G*U]` and biases.

    The arithmetic inside the gates is float32 whatever the compute dtype: only the matrix products,
    which are nearly all of the work, use the lower precision.
    """

    gates: int
    state_names: tuple[str, ...]
    additive: (
        bool  # whether `project` and `h U` meet in a plain sum, so that one product can make both
    )

    def __init__(self, units: int, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.units = units

    def build(self, input_shape: tuple) -> None:
        width = self.gates * self.units
        self.kernel = self.add_weight(
            shape=(input_shape[-1], width), initializer="glorot_uniform", name="kernel"
        )
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, width), initializer=_orthogonal, name="recurrent_kernel"
        )
        self.bias = self.add_weight(shape=(width,), initializer=self._initial_bias, name="bias")

    def recurrent(self) -> Any:
        """What makes `h U` in the loop, in the compute dtype: the matrix, or matrix and bias."""
        return ops.cast(self.recurrent_kernel, self.compute_dtype)

    def _initial_bias(self, shape: tuple, dtype: Any = None) -> Any:
        return ops.zeros(shape, dtype)

    def project(self, inputs: Any) -> Any:
        """`inputs @ kernel + bias` for one position or for all, `[..., I] -> [..., G*U]`."""
        inputs = ops.cast(inputs, self.compute_dtype)
        return ops.matmul(inputs, ops.cast(self.kernel, self.compute_dtype)) + ops.cast(
            self.bias, self.compute_dtype
        )

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
class LSTMCell(_Cell):
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

    def advance(self, projected: Any, recurrent: Any, state: tuple) -> tuple:
        """The state after one position.

        Args:
            projected: `x W + b`, `[B, 4U]`.
            recurrent: `h U`, `[B, 4U]`.
            state: `(h, c)`, each `[B, U]`.

        Returns:
            The new `(h, c)`.
        """
        z = ops.cast(projected, "float32") + ops.cast(recurrent, "float32")
        input_gate, forget_gate, candidate, output_gate = ops.split(z, 4, axis=-1)
        cell = ops.sigmoid(forget_gate) * state[1] + ops.sigmoid(input_gate) * ops.tanh(candidate)
        hidden = ops.sigmoid(output_gate) * ops.tanh(cell)
        return ops.cast(hidden, state[0].dtype), cell


@keras.saving.register_keras_serializable("keras_s2s")
class GRUCell(_Cell):
    """Gated recurrent unit, in the form whose reset gate acts after the product.

    With `a = x W + b` and `r = h U + d`, each cut into three parts:

    1. `update = sigmoid(a_u + r_u)`, `reset = sigmoid(a_r + r_r)`
    2. `candidate = tanh(a_c + reset * r_c)`
    3. `h' = update * h + (1 - update) * candidate`

    Args:
        units: Size U of the state.
        name: Name of the layer.
        dtype: Dtype or policy, as for any Keras layer.

    Example:
        >>> import numpy as np
        >>> cell = GRUCell(3)
        >>> cell.build((None, 2))
        >>> (hidden,) = cell.initial_state(4)
        >>> projected = cell.project(np.ones((4, 2), "float32"))
        >>> (hidden,) = cell.advance(projected, hidden @ cell.recurrent_kernel, (hidden,))
        >>> tuple(hidden.shape)
        (4, 3)

    Source: Cho et al. 2014, eq. 5-8; we differ in the place of the reset gate, as cuDNN and Keras
    do (`reset_after=True`), so that one product serves all gates.
    """

    gates = 3
    additive = False
    state_names = ("hidden",)

    def build(self, input_shape: tuple) -> None:
        """Make the weights for inputs `[..., I]`."""
        super().build(input_shape)
        self.recurrent_bias = self.add_weight(
            shape=(3 * self.units,), initializer="zeros", name="recurrent_bias"
        )

    def recurrent(self) -> Any:
        """The matrix `U` and the bias `d`, in the compute dtype."""
        return super().recurrent(), ops.cast(self.recurrent_bias, self.compute_dtype)

    def advance(self, projected: Any, recurrent: Any, state: tuple) -> tuple:
        """The state after one position.

        Args:
            projected: `x W + b`, `[B, 3U]`.
            recurrent: `h U + d`, `[B, 3U]`.
            state: `(h,)`, `[B, U]`.

        Returns:
            The new `(h,)`.
        """
        update_in, reset_in, candidate_in = ops.split(ops.cast(projected, "float32"), 3, axis=-1)
        update, reset, candidate = ops.split(ops.cast(recurrent, "float32"), 3, axis=-1)
        update = ops.sigmoid(update_in + update)
        reset = ops.sigmoid(reset_in + reset)
        candidate = ops.tanh(candidate_in + reset * candidate)
        hidden = candidate + update * (ops.cast(state[0], "float32") - candidate)
        return (ops.cast(hidden, state[0].dtype),)


CELLS = {"lstm": LSTMCell, "gru": GRUCell}


def make_cell(cell: str, units: int, name: str, dtype: Any) -> _Cell:
    """The cell called `cell`, one of "lstm" and "gru"."""
    if cell not in CELLS:
        raise ValueError(f"`cell` must be one of {sorted(CELLS)}. Received: cell={cell!r}")
    return CELLS[cell](units, name=name, dtype=dtype)


def run_cell(
    cell: _Cell,
    inputs: Any,
    state: tuple,
    mask: Any = None,
    *,
    reverse: bool = False,
    training: bool = False,
    unroll: bool = False,
) -> tuple[Any, tuple]:
    """Run a cell over a sentence.

    The products with the inputs are made for all positions at once; the loop holds only `h U`.

    Args:
        cell: A built cell.
        inputs: `[T, B, I]`: the positions come first.
        state: The state before the first position, parts of `[B, U]`.
        mask: Boolean `[T, B]`, True for a real token; a state passes a padded position unchanged.
        reverse: Read from the last position to the first.
        training: Whether a gradient will be asked for.
        unroll: Write out the loop, as for `scan`.

    Returns:
        The hidden states `[T, B, U]`, and the state after the last position read.
    """
    projected = cell.project(inputs)
    columns = None if mask is None else ops.expand_dims(mask, -1)  # [T, B, 1]

    def step(state: tuple, x: Any, constants: Any, dense: Any) -> tuple[tuple, Any]:
        after = cell.advance(x[0], dense("recurrent", state[0]), state)
        if len(x) == 2:
            after = tuple(ops.where(x[1], new, old) for new, old in zip(after, state, strict=True))
        return after, after[0]

    last, outputs = scan(
        step,
        state,
        (projected,) if columns is None else (projected, columns),
        (),
        {"recurrent": cell.recurrent()},
        reverse=reverse,
        training=training,
        unroll=unroll,
    )
    return outputs, last

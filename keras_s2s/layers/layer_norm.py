"""The layer-normalised LSTM."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_s2s.layers.cells import LSTMCell


@keras.saving.register_keras_serializable("keras_s2s")
class LayerNormLSTMCell(LSTMCell):
    """Layer-normalised LSTM.

    With `LN(v; g) = g (v - mean(v)) / sqrt(variance(v) + 1e-3)` over the whole of v:

    1. `z = LN(x W; g_x) + LN(h U; g_h) + b`, cut into `z_i`, `z_f`, `z_g` and `z_o`
    2. `i = sigmoid(z_i)`, `f = sigmoid(z_f)`, `o = sigmoid(z_o)`
    3. `c' = f * c + i * tanh(z_g)`
    4. `h' = o * tanh(LN(c'; g_c) + d)`

    Args:
        units: Size U of the state.
        name: Name of the layer.
        dtype: Dtype or policy, as for any Keras layer.

    Example:
        >>> import numpy as np
        >>> cell = LayerNormLSTMCell(3)
        >>> cell.build((None, 2))
        >>> state, made = cell.initial_state(4), cell.parameters()
        >>> projected = cell.project(np.ones((4, 2), "float32"))
        >>> hidden, memory = cell.advance(projected, state[0] @ cell.recurrent_kernel, state, made)
        >>> tuple(hidden.shape)
        (4, 3)

    Source: Ba et al. 2016, eq. 20 to 22; the two shifts of eq. 20 are in b, which it adds as well.
    """

    additive = False  # Each product is normalised by itself.

    def build(self, input_shape: tuple) -> None:
        """Make the weights for inputs `[..., I]`."""
        super().build(input_shape)
        width = self.gates * self.units
        self.input_gain, self.recurrent_gain, self.cell_gain = (
            self.add_weight(shape=(size,), initializer="ones", name=name)
            for name, size in (
                ("input_gain", width),
                ("recurrent_gain", width),
                ("cell_gain", self.units),
            )
        )
        self.cell_bias = self.add_weight(shape=(self.units,), initializer="zeros", name="cell_bias")

    def inputs(self) -> Any:
        """The matrix `W`, in the compute dtype: the bias comes after the normalisation."""
        return self._cast(self.kernel)

    def parameters(self) -> tuple:
        """`g_x`, `g_h`, `b`, `g_c` and `d`, in float32."""
        weights = self.input_gain, self.recurrent_gain, self.bias, self.cell_gain, self.cell_bias
        return tuple(ops.cast(weight, "float32") for weight in weights)

    def advance(
        self, projected: Any, recurrent: Any, state: tuple, parameters: tuple = ()
    ) -> tuple:
        """The state after one position.

        Args:
            projected: `x W`, `[B, 4U]`.
            recurrent: `h U`, `[B, 4U]`.
            state: `(h, c)`, each `[B, U]`.
            parameters: `parameters()`.

        Returns:
            The new `(h, c)`.
        """
        input_gain, recurrent_gain, bias, cell_gain, cell_bias = parameters
        z = _normalized(projected) * input_gain + _normalized(recurrent) * recurrent_gain + bias
        cell, output_gate = self.gated(z, state[1])
        hidden = output_gate * ops.tanh(_normalized(cell) * cell_gain + cell_bias)
        return ops.cast(hidden, state[0].dtype), cell


def _normalized(values: Any) -> Any:
    """Mean 0 and variance 1 over the last axis, float32; ready for a row of zeros."""
    values = ops.cast(values, "float32")
    centred = values - ops.mean(values, axis=-1, keepdims=True)
    return centred * ops.rsqrt(ops.mean(ops.square(centred), axis=-1, keepdims=True) + 1e-3)

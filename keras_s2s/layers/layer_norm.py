"""The layer-normalised LSTM."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
from keras import ops

from keras_s2s.layers.cells import LSTMCell
from keras_s2s.layers.scan import Dense


class LayerNormWeights(NamedTuple):
    """What the cell reads at every position, in float32 but for the matrix."""

    recurrent: Dense  # U, [U, 4U]
    input_gain: Any  # g_x, [4U]
    recurrent_gain: Any  # g_h, [4U]
    bias: Any  # b, [4U]
    cell_gain: Any  # g_c, [U]
    cell_bias: Any  # d, [U]


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
        >>> state, weights = cell.initial_state(4), cell.step_weights()
        >>> projected = cell.project(np.ones((4, 2), "float32"))
        >>> recurrent = weights.recurrent(state[0])
        >>> hidden, memory = cell.advance(projected, recurrent, state, weights)
        >>> tuple(hidden.shape)
        (4, 3)

    Source: Ba et al. 2016, eq. 20 to 22; the two shifts of eq. 20 are part of b.
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

    def input_weights(self) -> Dense:
        """`W`, in the compute dtype: the bias comes after the normalisation."""
        return Dense(self._cast(self.kernel))

    def step_weights(self) -> LayerNormWeights:
        """What is the same at all positions."""
        gains = self.input_gain, self.recurrent_gain, self.bias, self.cell_gain, self.cell_bias
        recurrent = Dense(self._cast(self.recurrent_kernel))
        return LayerNormWeights(recurrent, *(ops.cast(gain, "float32") for gain in gains))

    def advance(
        self, projected: Any, recurrent: Any, state: tuple, weights: LayerNormWeights
    ) -> tuple:
        """The state `(h', c')` after one position, see `Cell.advance`."""
        z = _normalized(projected) * weights.input_gain
        z = z + _normalized(recurrent) * weights.recurrent_gain + weights.bias
        cell, output_gate = self.gated(z, state[1])
        hidden = output_gate * ops.tanh(_normalized(cell) * weights.cell_gain + weights.cell_bias)
        return ops.cast(hidden, state[0].dtype), cell


def _normalized(values: Any) -> Any:
    """Mean 0 and variance 1 over the last axis, float32; zeros for a row of zeros."""
    values = ops.cast(values, "float32")
    centred = values - ops.mean(values, axis=-1, keepdims=True)
    return centred * ops.rsqrt(ops.mean(ops.square(centred), axis=-1, keepdims=True) + 1e-3)

"""The gated recurrent unit."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_s2s.layers.cells import Cell, CellWeights
from keras_s2s.layers.scan import Dense


@keras.saving.register_keras_serializable("keras_s2s")
class GRUCell(Cell):
    """Gated recurrent unit whose reset gate acts after the matrix product.

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

    Source: Cho et al. 2014, eq. 5-8. Difference from the paper: the reset gate acts after the
    product, as in cuDNN and Keras (`reset_after=True`), so that one product serves all gates.
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

    def step_weights(self) -> CellWeights:
        """What is the same at all positions: `weights.recurrent(h)` is `h U + d`."""
        kernel, bias = self._cast(self.recurrent_kernel), self._cast(self.recurrent_bias)
        return CellWeights(Dense(kernel, bias))

    def advance(self, projected: Any, recurrent: Any, state: tuple, weights: Any = None) -> tuple:
        """The state `(h',)` after one position, see `Cell.advance`."""
        update_in, reset_in, candidate_in = ops.split(ops.cast(projected, "float32"), 3, axis=-1)
        update, reset, candidate = ops.split(ops.cast(recurrent, "float32"), 3, axis=-1)
        update = ops.sigmoid(update_in + update)
        reset = ops.sigmoid(reset_in + reset)
        candidate = ops.tanh(candidate_in + reset * candidate)
        hidden = candidate + update * (ops.cast(state[0], "float32") - candidate)
        return (ops.cast(hidden, state[0].dtype),)

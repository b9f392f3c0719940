"""The plain recurrent cell."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_s2s.layers.cells import Cell


@keras.saving.register_keras_serializable("keras_s2s")
class RNNCell(Cell):
    """The plain recurrent cell: `h' = tanh(x W + h U + b)`.

    Args:
        units: Size U of the state.
        name: Name of the layer.
        dtype: Dtype or policy, as for any Keras layer.

    Example:
        >>> import numpy as np
        >>> cell = RNNCell(3)
        >>> cell.build((None, 2))
        >>> (hidden,) = cell.initial_state(4)
        >>> projected = cell.project(np.ones((4, 2), "float32"))
        >>> (hidden,) = cell.advance(projected, hidden @ cell.recurrent_kernel, (hidden,))
        >>> tuple(hidden.shape)
        (4, 3)

    Source: Elman 1990; Sutskever et al. 2014, section 2.
    """

    gates = 1
    additive = True
    state_names = ("hidden",)

    def advance(self, projected: Any, recurrent: Any, state: tuple, weights: Any = None) -> tuple:
        """The state `(h',)` after one position, see `Cell.advance`."""
        z = ops.cast(projected, "float32") + ops.cast(recurrent, "float32")
        return (ops.cast(ops.tanh(z), state[0].dtype),)

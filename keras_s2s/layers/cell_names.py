"""The cells by name."""

from __future__ import annotations

from typing import Any

from keras_s2s.layers.cells import Cell, LSTMCell
from keras_s2s.layers.gru import GRUCell
from keras_s2s.layers.layer_norm import LayerNormLSTMCell
from keras_s2s.layers.rnn import RNNCell

CELLS = {
    "gru": GRUCell,
    "layer_norm_lstm": LayerNormLSTMCell,
    "lstm": LSTMCell,
    "rnn": RNNCell,
}


def make_cell(cell: str | type[Cell], units: int, name: str, dtype: Any) -> Cell:
    """A cell by its name in `CELLS`, or of a class of one's own."""
    if isinstance(cell, type) and issubclass(cell, Cell):
        return cell(units, name=name, dtype=dtype)
    if cell not in CELLS:
        raise ValueError(
            f"`cell` must be one of {sorted(CELLS)} or a subclass of keras_s2s.Cell. "
            f"Received: cell={cell!r}"
        )
    return CELLS[cell](units, name=name, dtype=dtype)

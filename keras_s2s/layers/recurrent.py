"""The loop that runs a cell over a sentence, and the cells by name."""

from __future__ import annotations

from typing import Any

from keras import ops

from keras_s2s.layers.cells import Cell, GRUCell, LSTMCell, RNNCell
from keras_s2s.layers.layer_norm import LayerNormLSTMCell
from keras_s2s.layers.scan import scan

CELLS = {
    "gru": GRUCell,
    "layer_norm_lstm": LayerNormLSTMCell,
    "lstm": LSTMCell,
    "rnn": RNNCell,
}


def make_cell(cell: str, units: int, name: str, dtype: Any) -> Cell:
    """The cell called `cell`, one of `CELLS`."""
    if cell not in CELLS:
        raise ValueError(f"`cell` must be one of {sorted(CELLS)}. Received: cell={cell!r}")
    return CELLS[cell](units, name=name, dtype=dtype)


def run_cell(
    cell: Cell,
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

    def step(state: tuple, x: Any, parameters: Any, dense: Any) -> tuple[tuple, Any]:
        after = cell.advance(x[0], dense("recurrent", state[0]), state, parameters)
        if len(x) == 2:
            after = tuple(ops.where(x[1], new, old) for new, old in zip(after, state, strict=True))
        return after, after[0]

    last, outputs = scan(
        step,
        state,
        (projected,) if columns is None else (projected, columns),
        cell.parameters(),
        {"recurrent": cell.recurrent()},
        reverse=reverse,
        training=training,
        unroll=unroll,
    )
    return outputs, last

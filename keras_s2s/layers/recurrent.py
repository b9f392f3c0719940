"""The loop that runs a cell over a sentence."""

from __future__ import annotations

from typing import Any

from keras import ops

from keras_s2s.layers.cells import Cell
from keras_s2s.layers.scan import scan


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

    The products with the inputs are computed for all positions at once; the loop holds only `h U`.

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

    def step(state: tuple, x: tuple, weights: Any) -> tuple[tuple, Any]:
        projected, is_real = x
        after = cell.advance(projected, weights.recurrent(state[0]), state, weights)
        if is_real is not None:
            both = zip(after, state, strict=True)
            after = tuple(ops.where(is_real, new, old) for new, old in both)
        return after, after[0]

    inputs, weights = (projected, columns), cell.step_weights()
    last, outputs = scan(
        step, state, inputs, weights, reverse=reverse, training=training, unroll=unroll
    )
    return outputs, last

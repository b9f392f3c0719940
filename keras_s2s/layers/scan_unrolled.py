"""A scan with every position written into the graph, for runtimes without loops."""

from __future__ import annotations

from typing import Any

from keras import ops

from keras_s2s.layers.dense import Step
from keras_s2s.search.structure import flatten, map_tensors, pack


def run_unrolled(step: Step, carry: Any, inputs: Any, weights: Any, *, reverse: bool) -> Any:
    """Run a scan, see `keras_s2s.layers.scan.scan`.

    Raises:
        ValueError: The length of the inputs is not known.
    """
    length = flatten(inputs)[0].shape[0]
    if length is None:
        raise ValueError("`unroll` needs inputs of known length. Received: length=None")
    outputs: list[Any] = [None] * length
    parts = [ops.unstack(value, length) for value in flatten(inputs)]
    for position in reversed(range(length)) if reverse else range(length):
        x = pack(inputs, [part[position] for part in parts])
        carry, outputs[position] = step(carry, x, weights)
    return carry, map_tensors(lambda *parts: ops.stack(parts), *outputs)

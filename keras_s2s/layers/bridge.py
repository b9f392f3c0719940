"""The bridge from the encoder's final state to the decoder's initial state."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_s2s.layers.checks import check_copied_sizes
from keras_s2s.layers.dense import Dense

BRIDGES = ("dense", "copy", "zeros")


class Bridge(keras.layers.Layer):
    """Computes the initial state of each layer of a decoder.

    - "dense": `tanh(W state + b)`, with one `W` and `b` for each part of each layer's state, where
      `state` concatenates all parts of the encoder layer with the same number, or of the encoder's
      last layer if the decoder has more layers
    - "copy": the encoder's state
    - "zeros": zeros, whatever the encoder's state

    Args:
        kind: "dense", "copy" or "zeros".
        units: Size U of a part of the decoder's state.
        num_layers: Number of layers of the decoder.
        part_names: Names of the parts of a layer's state.
        dtype: Dtype or policy, as for any Keras layer.

    Call arguments:
        encoder_state: For each encoder layer a tuple of parts `[B, U of the encoder]`.
        zeros: The decoder's state in zeros; the result has its structure and dtypes.

    Returns:
        For each decoder layer a tuple of parts `[B, U]`.

    Raises:
        ValueError: An unknown kind; "copy" between states that differ.

    Source: Bahdanau et al. 2015, section A.2.2 ("dense", in the paper from the backward state
    alone); Sutskever et al. 2014, section 2 ("copy").
    """

    def __init__(
        self, kind: str, units: int, num_layers: int, part_names: tuple[str, ...], dtype: Any
    ) -> None:
        # Keras would cast the float32 parts of a state to the compute dtype.
        super().__init__(name="bridge", dtype=dtype, autocast=False)
        if kind not in BRIDGES:
            raise ValueError(f"`bridge` must be one of {BRIDGES}. Received: bridge={kind!r}")
        self.kind = kind
        self.units = units
        self.num_layers = num_layers
        self.part_names = part_names
        self.kernels: list[list[tuple[Any, Any]]] = []

    def build(self, encoder_state_shape: Any) -> None:
        """Make the weights for an encoder's state."""
        sizes = [tuple(part[-1] for part in layer) for layer in encoder_state_shape]
        if self.kind == "copy":
            check_copied_sizes(sizes, [(self.units,) * len(self.part_names)] * self.num_layers)
        if self.kind == "dense":
            for layer in range(self.num_layers):
                rows = sum(sizes[min(layer, len(sizes) - 1)])
                parts = [self._add_part(f"{name}_{layer}", rows) for name in self.part_names]
                self.kernels.append(parts)

    def _add_part(self, name: str, rows: int) -> tuple[Any, Any]:
        kernel = self.add_weight(
            shape=(rows, self.units), initializer="glorot_uniform", name=f"{name}_kernel"
        )
        return kernel, self.add_weight(
            shape=(self.units,), initializer="zeros", name=f"{name}_bias"
        )

    def call(self, encoder_state: Any, zeros: Any) -> tuple:
        """The first state, see the class."""
        if self.kind == "zeros":
            return tuple(zeros)
        if self.kind == "copy":
            return tuple(map(_cast_like, encoder_state, zeros))
        layers = []
        for index, (kernels, like) in enumerate(zip(self.kernels, zeros, strict=True)):
            source = encoder_state[min(index, len(encoder_state) - 1)]
            joined = ops.concatenate(_cast_all(source, self.compute_dtype), axis=-1)
            denses = (Dense(*_cast_all(weights, self.compute_dtype)) for weights in kernels)
            parts = tuple(ops.tanh(dense(joined)) for dense in denses)  # tanh(W state + b)
            layers.append(_cast_like(parts, like))
        return tuple(layers)


def _cast_all(values: tuple, dtype: Any) -> list:
    return [ops.cast(value, dtype) for value in values]


def _cast_like(parts: tuple, like: tuple) -> tuple:
    return tuple(ops.cast(part, other.dtype) for part, other in zip(parts, like, strict=True))

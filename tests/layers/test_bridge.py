from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from keras_s2s.layers.bridge import Bridge

UNITS = 4
PARTS = ("hidden", "cell")


def normal(*shape: int) -> Any:
    return tf.constant(np.random.default_rng(sum(shape)).normal(size=shape), "float32")


def zeros(layers: int, dtype: str = "float32") -> list[tuple]:
    return [(tf.zeros((3, UNITS), dtype), tf.zeros((3, UNITS))) for _ in range(layers)]


def test_dense_is_a_tanh_of_all_parts_of_the_layer_of_the_same_number() -> None:
    bridge = Bridge("dense", UNITS, 3, PARTS, "float32")
    state = [(normal(3, 5), normal(3, 6)), (normal(3, 7), normal(3, 8))]
    bridge.build([tuple(part.shape for part in layer) for layer in state])
    for weight in bridge.weights:
        weight.assign(normal(*weight.shape))
    start = bridge(state, zeros(3))
    assert len(start) == 3
    for layer, source in enumerate((state[0], state[1], state[1])):  # The last serves the rest.
        joined = np.concatenate(source, axis=-1)
        for part, (kernel, bias) in zip(start[layer], bridge.kernels[layer], strict=True):
            np.testing.assert_allclose(part, np.tanh(joined @ kernel + bias), rtol=0, atol=1e-5)


def test_copy_hands_on_the_state_itself_in_the_dtypes_of_the_decoder() -> None:
    bridge = Bridge("copy", UNITS, 2, PARTS, "mixed_bfloat16")
    state = [(normal(3, UNITS), normal(3, UNITS)), (normal(3, UNITS), normal(3, UNITS))]
    bridge.build([tuple(part.shape for part in layer) for layer in state])
    start = bridge(state, zeros(2, "bfloat16"))
    for (hidden, cell), (old_hidden, old_cell) in zip(start, state, strict=True):
        assert hidden.dtype == tf.bfloat16 and cell.dtype == tf.float32
        np.testing.assert_array_equal(hidden, tf.cast(old_hidden, tf.bfloat16))
        np.testing.assert_array_equal(cell, old_cell)  # Not rounded on the way.
    assert not bridge.weights


def test_zeros_lets_nothing_of_the_encoder_through() -> None:
    bridge = Bridge("zeros", UNITS, 1, PARTS, "float32")
    bridge.build([((3, 9), (3, 9))])
    start = bridge([(normal(3, 9), normal(3, 9))], zeros(1))
    assert [part.shape for part in start[0]] == [(3, UNITS)] * 2
    assert not np.any(start)


def test_an_unknown_bridge_and_a_copy_between_states_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="bridge='sum'"):
        Bridge("sum", UNITS, 1, PARTS, "float32")
    for shapes in ([((3, UNITS),)], [((3, 5), (3, 5))], [((3, UNITS), (3, UNITS))] * 2):
        with pytest.raises(ValueError, match="Received: encoder state sizes"):
            Bridge("copy", UNITS, 1, PARTS, "float32").build(shapes)

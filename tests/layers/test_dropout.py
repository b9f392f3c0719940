from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_s2s.layers import random_tensorflow
from keras_s2s.layers.dropout import Dropout
from keras_s2s.layers.row_random import row_uniform

SHAPES = st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 9))


def drawn(layer: Dropout, shape: tuple, monkeypatch: Any, replica: int) -> np.ndarray:
    """The factors that a layer draws on a device, from the seed of its beginning."""
    assert layer.seed_generator is not None
    layer.seed_generator.state.assign([1, 0])
    with monkeypatch.context() as patch:
        patch.setattr(random_tensorflow, "_replica", lambda: replica)
        return np.asarray(layer.factors(shape))


@given(SHAPES, st.sampled_from([0, 1]))
def test_the_rows_of_each_device_are_those_of_the_whole_batch(shape: tuple, axis: int) -> None:
    devices, *part = shape[0], *shape[1:], 3
    whole = [*part]
    whole[axis] = part[axis] * devices
    layer = Dropout(0.4, axis)
    with pytest.MonkeyPatch.context() as monkeypatch:
        parts = [drawn(layer, tuple(part), monkeypatch, device) for device in range(devices)]
        expected = drawn(layer, tuple(whole), monkeypatch, 0)
    np.testing.assert_array_equal(np.concatenate(parts, axis), expected)


def test_uniform_numbers_belong_to_rows_too(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = keras.random.SeedGenerator(4)
    whole = np.asarray(row_uniform((6, 4), 1, seeds))
    for device in range(2):
        seeds.state.assign([4, 0])
        monkeypatch.setattr(random_tensorflow, "_replica", lambda device=device: device)
        part = np.asarray(row_uniform((6, 2), 1, seeds))
        np.testing.assert_array_equal(part, whole[:, 2 * device : 2 * device + 2])


def test_each_call_each_row_and_each_place_draws_anew() -> None:
    seeds = keras.random.SeedGenerator(4)
    numbers = [np.asarray(row_uniform((50, 33), axis, seeds)) for axis in (0, 1, 0)]
    assert len(np.unique(numbers)) > 0.999 * 3 * 50 * 33
    assert abs(np.mean(numbers) - 0.5) < 0.02
    assert np.min(numbers) >= 0 and np.max(numbers) < 1


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_a_share_is_dropped_and_the_rest_grows_to_the_same_sum(rate: float) -> None:
    dropped = np.asarray(Dropout(rate, 1)(np.ones((20, 50, 100), "float32"), training=True))
    assert abs((dropped == 0).mean() - rate) < 0.01
    assert abs(dropped.mean() - 1) < 0.03
    kept = np.unique(dropped[dropped > 0])
    np.testing.assert_allclose(kept, [1 / (1 - rate)], rtol=1e-4)


def test_outside_of_training_and_at_rate_0_nothing_changes() -> None:
    ones = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(Dropout(0.9)(ones), ones)
    np.testing.assert_array_equal(Dropout(0.0)(ones, training=True), ones)


def test_the_gradient_is_the_factor() -> None:
    import tensorflow as tf

    inputs = tf.Variable(tf.ones((3, 8)))
    with tf.GradientTape() as tape:
        outputs = Dropout(0.5)(inputs, training=True)
    np.testing.assert_array_equal(tape.gradient(outputs, inputs), outputs)


def test_a_rate_is_a_probability_below_1() -> None:
    with pytest.raises(ValueError, match=r"`rate` must be at least 0 and below 1. Received: rate="):
        Dropout(1.0)


def test_a_layer_is_made_again_from_its_config() -> None:
    config = Dropout(0.25, batch_axis=1, name="d").get_config()
    again = Dropout.from_config(config)
    assert (again.rate, again.batch_axis, again.name) == (0.25, 1, "d")

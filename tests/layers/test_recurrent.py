from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_s2s.layers.cell_names import CELLS as KINDS
from keras_s2s.layers.cell_names import make_cell
from keras_s2s.layers.cells import LSTMCell
from keras_s2s.layers.gru import GRUCell
from keras_s2s.layers.recurrent import run_cell

LENGTH, BATCH, INPUTS, UNITS = 6, 3, 4, 5
MASK = np.array([[1, 1, 1], [1, 1, 1], [1, 1, 0], [1, 0, 0], [1, 0, 0], [1, 0, 0]], bool)
CELLS = pytest.mark.parametrize("name", KINDS)
KERAS = {"gru": keras.layers.GRU, "lstm": keras.layers.LSTM, "rnn": keras.layers.SimpleRNN}
DIRECTIONS = pytest.mark.parametrize("reverse", [False, True], ids=["forward", "backward"])


def make(name: str, dtype: Any = None) -> tuple[Any, np.ndarray, tuple]:
    """A cell with random weights and biases, inputs, and a state to start from."""
    generator = np.random.default_rng(3)
    cell = make_cell(name, UNITS, name, dtype)
    cell.build((None, INPUTS))
    cell.set_weights([generator.normal(scale=0.5, size=w.shape) for w in cell.weights])
    inputs = generator.normal(size=(LENGTH, BATCH, INPUTS)).astype("float32")
    state = tuple(generator.normal(size=(BATCH, UNITS)).astype("float32") for _ in cell.state_names)
    return cell, inputs, state


def close(actual: Any, expected: Any, tolerance: float = 1e-5) -> None:
    for a, b in zip(tf.nest.flatten(actual), tf.nest.flatten(expected), strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=0, atol=tolerance)


@CELLS
@DIRECTIONS
def test_a_masked_run_is_the_equations_in_numpy(name: str, reverse: bool, reference: Any) -> None:
    cell, inputs, state = make(name)
    actual = run_cell(cell, inputs, state, MASK, reverse=reverse)
    close(actual, reference.run(cell, inputs, state, MASK, reverse))


@pytest.mark.parametrize("name", KERAS)
@DIRECTIONS
def test_a_run_is_that_of_keras_own_layer_with_the_same_weights(name: str, reverse: bool) -> None:
    cell, inputs, state = make(name)
    options = {"return_sequences": True, "return_state": True, "go_backwards": reverse}
    weights = cell.get_weights()
    if name == "gru":
        weights[2:] = [np.stack(weights[2:])]  # Keras keeps both biases in one array.
    layer = KERAS[name](UNITS, **options)
    layer.build((BATCH, LENGTH, INPUTS))
    layer.set_weights(weights)
    outputs, *last = layer(inputs.transpose(1, 0, 2), initial_state=list(state))
    outputs = np.asarray(outputs).transpose(1, 0, 2)
    close(run_cell(cell, inputs, state, reverse=reverse), (outputs[:: -1 if reverse else 1], last))


@CELLS
def test_a_padded_position_passes_the_state_on_unchanged(name: str) -> None:
    cell, inputs, state = make(name)
    outputs, last = run_cell(cell, inputs, state, MASK)
    close(last[0], np.asarray(outputs)[[5, 2, 1], range(BATCH)], 0)
    close(np.asarray(outputs)[2:, 2], np.stack([outputs[1][2]] * (LENGTH - 2)), 0)


@CELLS
@DIRECTIONS
def test_a_padded_row_gives_the_numbers_of_the_row_alone(name: str, reverse: bool) -> None:
    cell, inputs, state = make(name)
    outputs, last = run_cell(cell, inputs, state, MASK, reverse=reverse)
    for row, length in enumerate(MASK.sum(0)):
        alone = slice(row, row + 1)
        expected, expected_last = run_cell(
            cell, inputs[:length, alone], tuple(part[alone] for part in state), reverse=reverse
        )
        close(outputs[:length, alone], expected, 1e-6)
        close([part[alone] for part in last], expected_last, 1e-6)


@CELLS
@DIRECTIONS
def test_the_fast_gradient_is_that_of_automatic_differentiation(name: str, reverse: bool) -> None:
    cell, inputs, state = make(name)
    inputs, state = tf.constant(inputs), tuple(map(tf.constant, state))
    gradients = []
    for training in (True, False):
        with tf.GradientTape() as tape:
            tape.watch((inputs, state))
            outputs, last = run_cell(
                cell, inputs, state, tf.constant(MASK), reverse=reverse, training=training
            )
            loss = tf.reduce_sum(tf.sin(outputs)) + sum(tf.reduce_sum(part**2) for part in last)
        gradients.append(tape.gradient(loss, [*(w.value for w in cell.weights), inputs, state]))
    assert all(float(tf.reduce_max(tf.abs(g))) > 1e-3 for g in tf.nest.flatten(gradients))
    close(*gradients)


def test_the_forget_gate_starts_open_and_all_other_biases_at_zero() -> None:
    lstm, gru = LSTMCell(2), GRUCell(2)
    for cell in (lstm, gru):
        cell.build((None, 3))
    assert np.asarray(lstm.bias).tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
    assert np.asarray(gru.bias).tolist() == np.asarray(gru.recurrent_bias).tolist() == [0] * 6


@CELLS
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_is_for_products_only_and_an_lstm_keeps_its_memory_in_float32(
    name: str, policy: str
) -> None:
    cell, inputs, _ = make(name, policy)
    state = cell.initial_state(BATCH)
    outputs, last = run_cell(cell, inputs, state, MASK, training=True)
    assert outputs.dtype == policy.removeprefix("mixed_")
    assert [part.dtype for part in last] == [outputs.dtype, "float32"][: len(last)]
    full, full_inputs, _ = make(name)
    expected, _ = run_cell(full, full_inputs, full.initial_state(BATCH), MASK)
    close(tf.cast(outputs, "float32"), expected, 0.02)


@CELLS
def test_huge_inputs_saturate_the_gates_without_nan(name: str) -> None:
    cell, inputs, state = make(name, "mixed_float16")
    outputs, _ = run_cell(cell, 1e4 * inputs, cell.initial_state(BATCH), MASK, training=True)
    assert np.isfinite(np.asarray(outputs)).all()
    assert np.abs(np.asarray(outputs)).max() <= 1


def test_layer_normalization_does_not_see_the_scale_of_inputs() -> None:
    cell, inputs, state = make("layer_norm_lstm")
    # But for what keeps it from dividing by zero.
    close(run_cell(cell, 10 * inputs, state), run_cell(cell, inputs, state), 2e-3)
    plain, inputs, state = make("lstm")
    difference = run_cell(plain, 10 * inputs, state)[0] - run_cell(plain, inputs, state)[0]
    assert np.abs(difference).max() > 0.1


def test_an_unknown_cell_is_refused() -> None:
    with pytest.raises(ValueError, match="Received: cell='elman'"):
        make_cell("elman", 3, "cell", None)

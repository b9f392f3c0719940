from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_s2s.layers.bahdanau import BahdanauAttention
from keras_s2s.layers.cell_names import make_cell
from keras_s2s.layers.decoder_stack import DecoderStack
from keras_s2s.layers.decoder_state import DropoutMasks
from keras_s2s.layers.dense import Dense
from keras_s2s.layers.luong import LuongAttention

UNITS, EMBEDDING, READOUT, LENGTH, BATCH = 4, 5, 6, 7, 3
MASK = tf.constant([[True] * 5, [True] * 3 + [False] * 2, [True] + [False] * 4])
WAYS = pytest.mark.parametrize(
    "options",
    [
        {"attention": "luong", "input_feeding": True},
        {"attention": "luong", "input_feeding": False},
        {"attention": "bahdanau", "input_feeding": False},
        {"attention": "bahdanau", "input_feeding": True, "cell": "gru"},
        {"attention": "none", "input_feeding": False},
    ],
    ids=lambda options: "-".join(map(str, options.values())),
)


def normal(*shape: int) -> Any:
    return tf.constant(np.random.default_rng(sum(shape)).normal(size=shape), "float32")


def make(
    attention: str = "luong",
    input_feeding: bool = True,
    cell: str = "lstm",
    dropout: float = 0.0,
    dtype: str = "float32",
) -> tuple[DecoderStack, Any]:
    """A stack of two layers with random weights, and what it reads of a source."""
    layers = {"luong": LuongAttention(UNITS), "bahdanau": BahdanauAttention(3), "none": None}
    stack = DecoderStack(
        [make_cell(cell, UNITS, f"cell_{layer}", dtype) for layer in range(2)],
        layers[attention],
        READOUT,
        input_feeding=input_feeding,
        residual=True,
        dropout=dropout,
    )
    memory = normal(BATCH, 5, 8)
    stack.build((None, EMBEDDING), memory.shape)
    for weight in stack.weights:
        weight.assign(0.5 * normal(*weight.shape))
    if stack.attention is None:
        return stack, None
    return stack, stack.attention.step_weights(stack.attention.project(memory), memory, MASK)


@WAYS
def test_a_run_is_one_position_after_the_other(options: dict[str, Any]) -> None:
    stack, read = make(**options)
    embedded = normal(LENGTH, BATCH, EMBEDDING)
    weights, state = stack.step_weights(), stack.zeros(BATCH)
    expected, seen = [], []
    for position in embedded:
        projected = weights.embedding(position)
        state, found = stack.advance(state, projected, DropoutMasks(), weights, read)
        readout = stack.readout(found.hidden, found.context, weights)
        expected.append(found.attentional if stack.input_feeding else readout)
        seen.append(found.alignment)
    for training in (False, True):
        actual = stack.run(embedded, stack.zeros(BATCH), weights, read, training, training)
        expected_all = np.stack(expected, axis=1)
        np.testing.assert_allclose(actual.attentional, expected_all, rtol=0, atol=1e-5)
        if training and read is not None:
            np.testing.assert_allclose(actual.alignment, np.stack(seen, axis=1), atol=1e-5)
        elif stack.is_recurrent:
            assert actual.alignment is None


@WAYS
def test_a_position_multiplies_with_each_matrix_once(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    stack, read = make(**options)
    weights, used = stack.step_weights(), []
    multiply = Dense.__call__

    def counted(dense: Dense, value: Any) -> Any:
        used.append(dense)
        return multiply(dense, value)

    monkeypatch.setattr(Dense, "__call__", counted)
    projected = weights.embedding(normal(BATCH, EMBEDDING))
    of_step = weights if stack.input_feeding else weights._replace(readout=None)
    stack.advance(stack.zeros(BATCH), projected, DropoutMasks(), of_step, read)
    expected = denses_in((of_step, read))
    assert sorted(id(dense.matrix) for dense in used) == sorted(id(d.matrix) for d in expected)


def denses_in(structure: Any) -> list[Dense]:
    found: list[Dense] = []

    def take(part: Any) -> Any:
        if isinstance(part, Dense):
            found.append(part)
            return part
        return None

    keras.tree.traverse(take, structure)
    return found


@WAYS
def test_dropout_zeroes_its_share_of_the_attentional_vectors_and_scales_the_rest(
    options: dict[str, Any],
) -> None:
    stack, read = make(**options, dropout=0.25)
    embedded = normal(100, BATCH, EMBEDDING)

    def run(training: bool) -> np.ndarray:
        start, weights = stack.zeros(BATCH), stack.step_weights()
        return stack.run(embedded, start, weights, read, training, False).attentional.numpy()

    dropped = run(training=True)
    assert 0.2 < np.mean(dropped == 0) < 0.3
    assert run(training=False).all()
    # A tanh stays within 1: what is above it was scaled.
    assert 1 < np.abs(dropped).max() <= 1 / 0.75 + 1e-6


def test_the_state_of_a_stack_in_bfloat16_keeps_its_cells_in_float32() -> None:
    stack, _ = make(dtype="mixed_bfloat16")
    state = stack.zeros(BATCH)
    assert [part.dtype for part in state.layers[0]] == [tf.bfloat16, tf.float32]
    assert state.attentional.dtype == tf.bfloat16

from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from keras_s2s.layers.bahdanau import BahdanauAttention
from keras_s2s.layers.decoder_stack import DecoderStack
from keras_s2s.layers.decoder_state import Noise
from keras_s2s.layers.luong import LuongAttention
from keras_s2s.layers.scan import apply_kernel

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


class Read(NamedTuple):
    """What a stack reads of a source."""

    keys: Any
    memory: Any
    memory_mask: Any


def make(
    attention: str = "luong",
    input_feeding: bool = True,
    cell: str = "lstm",
    dropout: float = 0.0,
    dtype: str = "float32",
) -> tuple[DecoderStack, Read]:
    """A stack of two layers with random weights, and what it reads of a source."""
    layers = {"luong": LuongAttention(UNITS), "bahdanau": BahdanauAttention(3), "none": None}
    stack = DecoderStack(
        UNITS,
        READOUT,
        num_layers=2,
        cell=cell,
        attention=layers[attention],
        input_feeding=input_feeding,
        residual=True,
        dropout=dropout,
        dtype=dtype,
    )
    memory = normal(BATCH, 5, 8)
    stack.build((None, EMBEDDING), memory.shape)
    for weight in stack.weights:
        weight.assign(0.5 * normal(*weight.shape))
    keys = stack.attention.project(memory) if stack.attention else None
    return stack, Read(keys, memory, MASK)


@WAYS
def test_a_run_is_one_position_after_the_other(options: dict[str, Any]) -> None:
    stack, read = make(**options)
    embedded = normal(LENGTH, BATCH, EMBEDDING)
    kernels = stack.kernels() | stack.matrices(read.keys, read.memory)

    def dense(name: str, value: Any) -> Any:
        return apply_kernel(value, kernels[name])

    state, expected = stack.zeros(BATCH), []
    constants = stack.constants(read.keys, read.memory_mask)
    for position in embedded:
        projected = dense("embedding", position)
        state, found = stack.advance(state, projected, Noise(), constants, dense)
        expected.append(
            found.attentional if stack.input_feeding else stack.readout(found.hidden, found.context)
        )
    for training in (False, True):
        actual = stack.run(embedded, stack.zeros(BATCH), *read, training=training)
        np.testing.assert_allclose(actual, np.stack(expected, axis=1), rtol=0, atol=1e-5)


@WAYS
def test_a_position_multiplies_with_each_kernel_and_matrix_once(options: dict[str, Any]) -> None:
    stack, read = make(**options)
    kernels, used = stack.kernels() | stack.matrices(read.keys, read.memory), []

    def dense(name: str, value: Any) -> Any:
        used.append(name)
        return apply_kernel(value, kernels[name])

    projected = dense("embedding", normal(BATCH, EMBEDDING))
    constants = stack.constants(read.keys, read.memory_mask)
    stack.advance(stack.zeros(BATCH), projected, Noise(), constants, dense)
    assert sorted(used) == sorted(kernels)


@WAYS
def test_dropout_zeroes_its_share_of_the_attentional_vectors_and_scales_the_rest(
    options: dict[str, Any],
) -> None:
    stack, read = make(**options, dropout=0.25)
    embedded = normal(100, BATCH, EMBEDDING)
    dropped = stack.run(embedded, stack.zeros(BATCH), *read, training=True).numpy()
    assert 0.2 < np.mean(dropped == 0) < 0.3
    assert stack.run(embedded, stack.zeros(BATCH), *read, training=False).numpy().all()
    # A tanh stays within 1: what is above it was scaled.
    assert 1 < np.abs(dropped).max() <= 1 / 0.75 + 1e-6


def test_the_state_of_a_stack_in_bfloat16_keeps_its_cells_in_float32() -> None:
    stack, _ = make(dtype="mixed_bfloat16")
    state = stack.zeros(BATCH)
    assert [part.dtype for part in state.layers[0]] == [tf.bfloat16, tf.float32]
    assert state.attentional.dtype == tf.bfloat16

"""What encoder and decoder say of their outputs is what they return."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras.src.backend import compute_output_spec

from keras_s2s import BahdanauAttention, Decoder, Encoder, LuongAttention, Seq2Seq
from keras_s2s.layers.cell_names import CELLS

from ..budget import first

SOURCE, TARGET = ((None, None), "int32"), ((None, None), "int32")


def described(spec: Any) -> Any:
    return keras.tree.map_structure(lambda one: (one.shape, one.dtype), spec)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("dtype", first(1, ["mixed_bfloat16", "float32", "float16"]))
@pytest.mark.parametrize(
    "direction",
    [{}, {"bidirectional": False}, {"bidirectional": False, "alternating": True}],
    ids=["both", "forward", "alternating"],
)
def test_the_encoder_says_what_tracing_it_finds(
    cell: str, dtype: str, direction: dict[str, Any]
) -> None:
    encoder = Encoder(9, 6, cell=cell, num_layers=2, dtype=dtype, **direction)
    encoder.build((None, None))
    source = keras.KerasTensor(*SOURCE)
    traced = compute_output_spec(encoder.call, source)
    assert described(encoder.compute_output_spec(source)) == described(traced)
    memory, memory_mask, states = encoder(np.array([[4, 5, 3], [6, 3, 0]]))
    fixed = encoder.compute_output_spec(keras.KerasTensor((2, 3), "int32"))
    of_values = [
        (tuple(one.shape), keras.backend.standardize_dtype(one.dtype))
        for one in keras.tree.flatten((memory, memory_mask, states))
    ]
    assert of_values == [(one.shape, one.dtype) for one in keras.tree.flatten(fixed)]


@pytest.mark.parametrize("dtype", first(1, ["mixed_bfloat16", "float32", "float16"]))
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"attention": lambda dtype: LuongAttention(8, dtype=dtype), "input_feeding": True},
        {"attention": lambda dtype: BahdanauAttention(8, dtype=dtype), "cell": "gru"},
        {"tie_embeddings": True},
    ],
    ids=["none", "luong", "bahdanau", "tied"],
)
def test_the_decoder_says_what_tracing_it_finds(dtype: str, options: dict[str, Any]) -> None:
    make = options.get("attention")
    attention = {} if make is None else {"attention": make(dtype)}
    encoder = Encoder(9, 6, cell=options.get("cell", "lstm"), dtype=dtype)
    decoder = Decoder(11, 8, embedding_dimension=5, dtype=dtype, **{**options, **attention})
    memory, memory_mask, state = encoder(keras.Input((None,), dtype="int32"))
    target = keras.KerasTensor(*TARGET)
    said = decoder(keras.Input((None,), dtype="int32"), state, memory, memory_mask)
    traced = compute_output_spec(decoder.call, target, state, memory, memory_mask)
    assert described(said) == described(traced)


@keras.saving.register_keras_serializable("tests")
class NormalizedEncoder(Encoder):
    """Has a layer of its own, which is made of what the memory is."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.norm = keras.layers.LayerNormalization(dtype=self.dtype_policy)

    def call(self, source: Any, training: bool = False, unroll: bool = False) -> Any:
        memory, mask, states = super().call(source, training, unroll)
        return keras.ops.concatenate([self.norm(memory), memory], axis=-1), mask, states


def test_a_subclass_with_layers_and_shapes_of_its_own_is_whole_from_the_beginning(
    tmp_path: Path,
) -> None:
    decoder = Decoder(9, 6, attention=LuongAttention(6))
    model = Seq2Seq(NormalizedEncoder(9, 6), decoder)
    count = len(model.weights)
    ids = np.array([[4, 5, 3], [6, 3, 0]])
    logits = np.asarray(model((ids, ids)))
    assert len(model.weights) == count and decoder.attention.memory_kernel.shape[0] == 12
    model.save(tmp_path / "model.keras")
    again: Any = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(np.asarray(again((ids, ids))), logits)

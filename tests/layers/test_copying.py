"""A decoder that copies: its probabilities are those of the equation, in all its forms."""

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops

from keras_s2s import (
    Attention,
    BahdanauAttention,
    Beam,
    CopyingDecoder,
    CopyingEncoder,
    Decoder,
    Encoder,
    LuongAttention,
    MaskedCrossentropy,
    Seq2Seq,
)
from keras_s2s.inference.ensemble import Ensemble
from keras_s2s.inference.model_search import run_search
from keras_s2s.layers.copying import TINY, copied_probabilities

SIZE = 20
SOURCE = np.array([[5, 6, 5, 3], [7, 3, 0, 0]])
TARGET_IN = np.array([[2, 7, 8], [2, 9, 0]])


def make_model(attention: Attention, **options: Any) -> Seq2Seq:
    sizes = {"embedding_dimension": 6, "dtype": options.get("dtype")}
    decoder = CopyingDecoder(SIZE, 8, attention=attention, embedding_dimension=6, **options)
    return Seq2Seq(CopyingEncoder(SIZE, 8, **sizes), decoder)


@settings(max_examples=50)
@given(st.integers(1, 3), st.integers(1, 7), st.integers(0, 4), st.integers(0, 99))
def test_each_id_has_the_weights_of_all_its_positions(
    batch: int, length: int, steps: int, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    source = draw.integers(3, 7, (batch, length))
    source[np.arange(length) >= draw.integers(1, length + 1, batch)[:, None]] = 0
    shape = (batch, steps, length) if steps else (batch, length)
    real = (source if steps == 0 else source[:, None]) != 0
    alignment = draw.random(shape) * real
    expected = np.zeros((*shape[:-1], 7))
    for index in np.ndindex(*shape):
        expected[(*index[:-1], source[index[0], index[-1]])] += alignment[index]
    found = copied_probabilities(alignment.astype("float32"), source.astype("int32"), 7)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("tie_embeddings", [False, True])
@pytest.mark.parametrize("input_feeding", [False, True])
@pytest.mark.parametrize("kind", [LuongAttention, BahdanauAttention])
def test_steps_and_all_positions_at_once_give_the_equation(
    kind: type, input_feeding: bool, tie_embeddings: bool
) -> None:
    options = {"input_feeding": input_feeding, "tie_embeddings": tie_embeddings}
    model = make_model(kind(8), **options)
    decoder: Any = model.decoder
    decoder.gate_kernel.assign(3 * np.ones(decoder.gate_kernel.shape))
    memory, source, state = model.encoder(SOURCE)
    logs, alignment = decoder(TARGET_IN, state, memory, source, return_attention=True)
    keys, before = decoder.attention.project(memory), decoder.initial_state(state, memory)
    for step in range(3):
        token = TARGET_IN[:, step]
        found, before, weights = decoder.step(token, before, keys, memory, source)
        np.testing.assert_allclose(found, logs[:, step], atol=1e-5)
        np.testing.assert_allclose(weights, alignment[:, step], atol=1e-6)
    np.testing.assert_allclose(np.exp(logs).sum(axis=-1), 1, atol=1e-5)


def test_the_mixture_is_that_of_generated_and_copied_probabilities() -> None:
    model = make_model(LuongAttention(8))
    decoder: Any = model.decoder
    weights = decoder.step_weights()
    draw = np.random.default_rng(1)
    attentional = draw.normal(size=(2, 8)).astype("float32")
    alignment = np.array([[0.5, 0.2, 0.3, 0.0], [0.9, 0.1, 0.0, 0.0]], "float32")
    found = decoder.predict(attentional, alignment, SOURCE, weights)
    logits = attentional @ np.array(decoder.output_kernel)
    generated = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    generate = 1 / (1 + np.exp(-attentional @ np.array(decoder.gate_kernel)))
    copied = np.zeros((2, SIZE))
    copied[0, 5], copied[0, 6], copied[1, 7], copied[1, 3] = 0.8, 0.2, 0.9, 0.1
    expected = np.log(generate * generated + (1 - generate) * copied + TINY)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_tokens_that_no_training_target_has_can_be_copied() -> None:
    keras.utils.set_random_seed(1)
    model = make_model(LuongAttention(8))
    draw = np.random.default_rng(1)

    def task(low: int, high: int) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
        """The first token of a source of four."""
        source = np.append(draw.integers(low, high, (256, 4)), np.full((256, 1), 3), axis=1)
        first = source[:, :1]
        target_in = np.append(np.full((256, 1), 2), first, axis=1)
        return (source, target_in), np.append(first, np.full((256, 1), 3), axis=1)

    inputs, target = task(4, 12)
    model.compile(keras.optimizers.Adam(0.02), loss=MaskedCrossentropy())
    model.fit(inputs, target, epochs=40, batch_size=64, verbose=0)
    unseen, expected = task(12, SIZE)
    found = ops.argmax(model(unseen), axis=-1)
    assert (np.array(found) == expected)[:, 0].mean() > 0.9


def test_a_search_and_an_ensemble_read_the_ids() -> None:
    copying = make_model(LuongAttention(8))
    usual = Seq2Seq(Encoder(SIZE, 4), Decoder(SIZE, 4, attention=LuongAttention(4)))
    for models in ([copying], [copying, usual], [usual, copying]):
        model: Any = models[0] if len(models) == 1 else Ensemble(models)
        search = Beam(3, coverage_penalty=0.1)
        found = run_search(model, SOURCE, np.array([6, 6]), search, return_weights=True)
        alone = run_search(model, SOURCE[1:, :2], np.array([6]), search)
        np.testing.assert_array_equal(found.ids[1, 0], alone.ids[0, 0])


def test_in_a_lower_precision_the_probabilities_are_close() -> None:
    exact = make_model(LuongAttention(8))
    rounded = exact.with_dtype("mixed_bfloat16")
    logs = [np.array(ops.cast(one((SOURCE, TARGET_IN)), "float32")) for one in (exact, rounded)]
    np.testing.assert_allclose(np.exp(logs[1]), np.exp(logs[0]), atol=0.02)


def test_a_model_that_copies_is_saved(tmp_path: Any) -> None:
    model = make_model(BahdanauAttention(8), tie_embeddings=True)
    model.save(tmp_path / "model.keras")
    again: Any = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again.decoder) is CopyingDecoder
    inputs = SOURCE, TARGET_IN
    np.testing.assert_array_equal(model(inputs), again(inputs))


def test_what_does_not_go_together_is_told() -> None:
    with pytest.raises(ValueError, match="copies what its attention reads.* attention=None"):
        CopyingDecoder(SIZE, 8)
    decoder = CopyingDecoder(SIZE, 8, attention=LuongAttention(8))
    with pytest.raises(ValueError, match="needs the source ids.* Received: bool"):
        Seq2Seq(Encoder(SIZE, 8), decoder)

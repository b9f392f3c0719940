"""Classes of the user's own, defined outside of the package, do all that the package's own do."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

import keras_s2s
from keras_s2s import (
    Beam,
    Decoder,
    Encoder,
    LuongAttention,
    MaskedCrossentropy,
    Seq2Seq,
    Translator,
)
from keras_s2s.inference.model_search import run_search
from keras_s2s.layers.attention import Attention
from keras_s2s.layers.cells import Cell
from keras_s2s.text.tokenizers import CharacterTokenizer

from .budget import first
from .export.test_own_tokenizer import GraphLetters

TEXTS = ["abc", "cab", "b", "cabbage"]
TOKENIZER = CharacterTokenizer.train(TEXTS)
LETTERS = GraphLetters.train(TEXTS)
SIZE = TOKENIZER.vocabulary_size
assert LETTERS.vocabulary_size == SIZE


class CosineAttention(Attention):
    """`score(q, m) = s q . W m / (|q| |W m|)`, with a sharpness s that is learnt."""

    def build(self, query_shape: tuple, memory_shape: tuple) -> None:
        self.memory_kernel = self.add_kernel("memory_kernel", memory_shape[-1])
        self.sharpness = self.add_weight(shape=(), initializer="ones", name="sharpness")

    def project(self, memory: Any) -> Any:
        keys = ops.normalize(super().project(memory), axis=-1)
        return keys * self.cast(self.sharpness)

    def scores(self, query: Any, weights: Any) -> Any:
        return weights.keys(ops.normalize(query, axis=-1))


@keras.saving.register_keras_serializable("tests")
class EarlyCosineAttention(CosineAttention):
    """The same before the cells: inside the loop over positions."""

    attends_before = True


@keras.saving.register_keras_serializable("tests")
class LeakyCell(Cell):
    """`h' = h / 2 + tanh(x W + h U + b) / 2`."""

    gates = 1
    additive = True
    state_names = ("hidden",)

    def advance(self, projected: Any, recurrent: Any, state: tuple, weights: Any = None) -> tuple:
        return (state[0] / 2 + ops.tanh(projected + recurrent) / 2,)


@keras.saving.register_keras_serializable("tests")
class FeatureEncoder(keras.layers.Layer):
    """Memory of float features `[B, S, F]`, such as those of speech; rows of zeros are padding."""

    def __init__(self, features: int, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.features, self.units = features, units
        self.project = keras.layers.Dense(units)
        self.recurrent = keras.layers.GRU(units, return_sequences=True, return_state=True)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "features": self.features, "units": self.units}

    def make_input(self, name: str) -> Any:
        return keras.Input((None, self.features), name=name)

    def build(self, source_shape: tuple) -> None:
        self.project.build(source_shape)
        self.recurrent.build((*source_shape[:2], self.units))

    def call(self, source: Any, training: bool = False) -> tuple:
        mask = ops.any(ops.not_equal(source, 0), axis=-1)
        memory, state = self.recurrent(self.project(source), mask=mask, training=training)
        return memory, mask, [(state,)]


MODELS = {
    "attention, cell and tokenizer": lambda: (
        Encoder(SIZE, 8, cell=LeakyCell),
        Decoder(SIZE, 8, cell=LeakyCell, attention=CosineAttention(8)),
    ),
    "attention": lambda: (Encoder(SIZE, 8), Decoder(SIZE, 8, attention=CosineAttention(8))),
    "attention in the loop": lambda: (
        Encoder(SIZE, 8),
        Decoder(SIZE, 8, attention=EarlyCosineAttention(8), input_feeding=True),
    ),
    "cell": lambda: (
        Encoder(SIZE, 8, cell=LeakyCell),
        Decoder(SIZE, 8, cell=LeakyCell, attention=LuongAttention(8), input_feeding=True),
    ),
}
CUSTOM_OBJECTS = {"CosineAttention": CosineAttention, "GraphLetters": GraphLetters}


def train(model: Seq2Seq, source: Any) -> None:
    """A few steps, after which every weight has moved."""
    model.compile("adam", loss=MaskedCrossentropy())
    target = np.array([[2, 5, 4, 3], [2, 6, 3, 0]])
    before = [np.array(value) for value in model.trainable_weights]
    model.fit((source, target[:, :-1]), target[:, 1:], epochs=3, verbose=0)
    for old, new in zip(before, model.trainable_weights, strict=True):
        assert np.abs(old - np.asarray(new)).max() > 0, new.path


# One at a time they are a training and three exports each.
ONE_AT_A_TIME = MODELS.keys() - {"attention, cell and tokenizer"}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=pytest.mark.slow) if name in ONE_AT_A_TIME else name
        for name in MODELS
    ],
)
def translator(request: pytest.FixtureRequest) -> Translator:
    keras.utils.set_random_seed(3)
    model = Seq2Seq(*MODELS[request.param]())
    train(model, np.array([[4, 5, 3], [6, 3, 0]]))
    tokenizer = TOKENIZER if request.param in ONE_AT_A_TIME else LETTERS
    return Translator(model, tokenizer, tokenizer)


def test_it_saves_and_loads_and_translates_the_same(translator: Translator, tmp_path: Path) -> None:
    translator.save(tmp_path / "model")
    again = Translator.load(tmp_path / "model", custom_objects=CUSTOM_OBJECTS)
    for beam_size in (1, 3):
        answers = [one.translate(TEXTS, search=Beam(beam_size)) for one in (translator, again)]
        assert answers[0] == answers[1]


@pytest.mark.parametrize("form", first(1, ["onnx", "litert", "saved_model"]))
def test_it_exports_with_equal_translations(
    translator: Translator, form: str, tmp_path: Path
) -> None:
    getattr(keras_s2s.export, form)(translator, tmp_path / form, samples=TEXTS)
    runner = {
        "litert": keras_s2s.export.LiteRTTranslator,
        "onnx": keras_s2s.export.OnnxTranslator,
        "saved_model": keras_s2s.export.SavedModelTranslator,
    }[form]
    exported = runner(tmp_path / form, custom_objects=CUSTOM_OBJECTS)
    for beam_size in (1, 3):
        expected = translator.translate(TEXTS, search=Beam(beam_size))
        assert exported.translate(TEXTS, search=Beam(beam_size)) == expected


def test_an_encoder_of_float_features_trains_saves_loads_and_decodes(tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    model = Seq2Seq(FeatureEncoder(3, 8), Decoder(SIZE, 8, attention=LuongAttention(8)))
    source = np.random.default_rng(0).normal(size=(2, 6, 3)).astype("float32")
    source[1, 4:] = 0
    train(model, source)
    model.save(tmp_path / "model.keras")
    again: Any = keras.saving.load_model(tmp_path / "model.keras")
    limits = np.array([5, 5])
    for beam_size in (1, 3):
        found = [run_search(one, source, limits, Beam(beam_size)) for one in (model, again)]
        assert np.asarray(found[0].ids).tolist() == np.asarray(found[1].ids).tolist()
    alone = run_search(again, source[1:, :4], limits[1:], Beam(3))
    np.testing.assert_allclose(alone.scores, found[0].scores[1:], atol=1e-5)


def test_a_class_that_is_not_registered_is_refused_by_name_when_a_model_is_loaded(
    tmp_path: Path,
) -> None:
    model = Seq2Seq(*MODELS["attention"]())
    Translator(model, TOKENIZER, TOKENIZER).save(tmp_path)
    with pytest.raises(ValueError, match="CosineAttention, which is neither registered"):
        Translator.load(tmp_path)


class Forgetful(CosineAttention):
    """Its configuration does not tell all of its arguments."""

    def __init__(self, units: int, strength: float, **kwargs: Any) -> None:
        super().__init__(units, **kwargs)
        self.strength = strength

    def get_config(self) -> dict[str, Any]:
        return {"units": self.units}


def test_what_could_not_be_loaded_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    model = Seq2Seq(Encoder(SIZE, 8), Decoder(SIZE, 8, attention=Forgetful(8, 2.0)))
    with pytest.raises(ValueError, match="must load as it was saved.*strength"):
        Translator(model, TOKENIZER, TOKENIZER).save(tmp_path / "model")
    assert not (tmp_path / "model").exists()

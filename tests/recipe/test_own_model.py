"""A model of one's own is trained by a recipe as it is, if it can be loaded later."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from keras_s2s import Decoder, Encoder, LuongAttention, Seq2Seq, Translator
from keras_s2s.inference.loadable import check_loadable
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.resume import Run
from keras_s2s.recipe.train import train
from keras_s2s.text.tokenizers import CharacterTokenizer

DRAW = random.Random(1)
WORDS = ["".join(DRAW.choices("abcd", k=DRAW.randint(1, 4))) for _ in range(90)]
PAIRS = [(word, word[::-1]) for word in WORDS]
RECIPE = Recipe(source_tokenizer="character", units=8, batch_tokens=200, epochs=1)


class ScaledLuong(LuongAttention):
    """Says how it was made, by Keras' own means."""


class SecretLuong(LuongAttention):
    """Is made with a function, which no file can hold."""

    def __init__(self, units: int, secret: Callable[[int], int]) -> None:
        super().__init__(units)
        self.secret = secret


class ForgetfulLuong(LuongAttention):
    """Leaves out of its configuration how large it is."""

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"units": 4}


def quiet(_: str) -> None:
    pass


def model_with(attention: LuongAttention) -> Callable[[int, int, Recipe], Seq2Seq]:
    def build_model(source_size: int, target_size: int, recipe: Recipe) -> Seq2Seq:
        encoder = Encoder(source_size, recipe.units, embedding_dimension=6)
        decoder = Decoder(target_size, recipe.units, embedding_dimension=6, attention=attention)
        return Seq2Seq(encoder, decoder, name="of_ones_own")

    return build_model


def test_a_model_of_ones_own_is_trained_saved_and_loaded(tmp_path: Path) -> None:
    build_model = model_with(LuongAttention(8, score="concat"))
    trained = train(
        PAIRS[:80], PAIRS[80:], tmp_path / "model", RECIPE, build_model=build_model, report=quiet
    )
    loaded = Translator.load(tmp_path / "model")
    assert trained.model.name == loaded.model.name == "of_ones_own"
    assert loaded.translate(["ab", "cd"]) == trained.translate(["ab", "cd"])


@pytest.mark.slow  # Trains in another process: 11 s.
def test_a_finished_training_of_an_unregistered_class_is_loaded_and_not_trained_again(
    tmp_path: Path,
) -> None:
    lines: list[str] = []
    given: Any = (PAIRS[:80], PAIRS[80:], tmp_path / "model", RECIPE)
    build_model = model_with(ScaledLuong(8))
    trained = train(*given, build_model=build_model, report=quiet)
    build_model = model_with(ScaledLuong(8))
    again = train(*given, build_model=build_model, run=Run(resume=True), report=lines.append)
    assert not [line for line in lines if line.startswith("epoch")]
    assert isinstance(again.model.decoder.attention, ScaledLuong)
    assert again.translate(["ab", "cd"]) == trained.translate(["ab", "cd"])


@pytest.mark.parametrize("attention", [SecretLuong(8, abs), ForgetfulLuong(8)])
def test_what_could_not_be_loaded_is_refused_before_the_training(
    attention: LuongAttention, tmp_path: Path
) -> None:
    lines: list[str] = []
    with pytest.raises(ValueError, match="The model must load as it was saved, or its training"):
        train(
            PAIRS[:80],
            PAIRS[80:],
            tmp_path / "model",
            RECIPE,
            build_model=model_with(attention),
            report=lines.append,
        )
    assert not [line for line in lines if line.startswith("epoch")]
    assert list(tmp_path.iterdir()) == []


def test_something_else_than_a_model_is_told(tmp_path: Path) -> None:
    wrong: Any = lambda *_: "a model"  # noqa: E731
    with pytest.raises(TypeError, match="`build_model` must return a Seq2Seq. Received: 'a model'"):
        train(PAIRS, PAIRS, tmp_path / "model", RECIPE, build_model=wrong, report=quiet)


def test_classes_that_loading_will_ask_for_are_named() -> None:
    tokenizer = CharacterTokenizer(["a", "b"])
    size = tokenizer.vocabulary_size
    own = model_with(ScaledLuong(8))(size, size, RECIPE)
    assert check_loadable(own, tokenizer, tokenizer) == ["ScaledLuong"]
    known = model_with(LuongAttention(8))(size, size, RECIPE)
    assert check_loadable(known, tokenizer) == []

"""A model learns from teachers: by a recipe, recorded, and resumed with the same ones alone."""

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras_s2s import Decoder, Encoder, LuongAttention, Seq2Seq, Translator, WordTokenizer
from keras_s2s.recipe.auto_recipe import AutoRecipe
from keras_s2s.recipe.combinations import Given, check_combination
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.resume import Run
from keras_s2s.recipe.start import Start
from keras_s2s.recipe.train import train

WORDS = "red blue dog cat sun tree".split()
TOKENIZER = WordTokenizer.train([" ".join(WORDS)])
SIZE = TOKENIZER.vocabulary_size
OPTIONS: dict[str, Any] = {
    "source_tokenizer": "word",
    "units": 8,
    "embedding_dimension": 8,
    "batch_sentences": 20,
    "epochs": 1,
    "dropout": 0.0,
    "ema_momentum": 0.0,
    "label_smoothing": 0.0,
}


def repeated_words(count: int, seed: int) -> list[tuple[str, str]]:
    draw = random.Random(seed)
    rows = [draw.choices(WORDS, k=4) for _ in range(count)]
    return [(" ".join(row), " ".join(row)) for row in rows]


PAIRS, VALID = repeated_words(100, seed=1), repeated_words(20, seed=2)


def quiet(_: str) -> None:
    pass


def teacher(token: str) -> Translator:
    """A translator that says one token at each position, whatever its source is."""
    model = Seq2Seq(Encoder(SIZE, 4), Decoder(SIZE, 4, attention=LuongAttention(4)))
    for weight in model.weights:  # All readouts are positive.
        weight.assign(np.full(weight.shape, 0.5))
    kernel = model.decoder.output_kernel
    kernel.assign(10.0 * np.eye(SIZE)[[TOKENIZER.encode(token)[0]] * kernel.shape[0]])
    return Translator(model, TOKENIZER, TOKENIZER)


def said_first(translator: Translator) -> set[str]:
    found = translator.translate([source for source, _ in VALID], maximum_length=2)
    return {text.split()[0] for text in found if text}


def test_a_student_says_what_its_teachers_say(tmp_path: Path) -> None:
    changes = {"epochs": 20, "learning_rate": 0.05, "valid_share": 0.0, "distillation_weight": 1.0}
    recipe, start = Recipe(**OPTIONS | changes), Start(teachers=[teacher("sun")])
    student = train(PAIRS, None, tmp_path / "model", recipe, start=start, report=quiet)
    assert said_first(student) == {"sun"}
    written = json.loads((tmp_path / "model" / "recipe.json").read_bytes())
    assert written["distillation_weight"] == 1.0


def test_a_training_resumes_with_the_same_teachers_alone(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    teacher("sun").save(tmp_path / "teacher")
    given = PAIRS, VALID, folder, AutoRecipe(**OPTIONS)
    train(*given, start=Start(teachers=[tmp_path / "teacher"]), report=quiet)
    said: list[str] = []
    resume = Run(resume=True)
    train(*given, start=Start(teachers=[teacher("sun")]), run=resume, report=said.append)
    assert said[-1].endswith("is finished")
    with pytest.raises(ValueError, match="Received: another start .teachers."):
        train(*given, start=Start(teachers=[teacher("cat")]), run=resume, report=quiet)


def test_teachers_are_trained_first_alike_but_for_their_seeds(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    recipe = Recipe(**OPTIONS, teachers=1, seed=7, pseudo_sources=30)
    own = tmp_path / "model.teachers" / "1"
    alone = replace(recipe, teachers=0, pseudo_sources=0, seed=8)
    train(PAIRS, VALID, own, alone, report=quiet)
    said: list[str] = []
    run = Run(resume=True)  # As if the training had been stopped behind its teacher.
    found = train(PAIRS, VALID, folder, recipe, run=run, report=said.append)
    assert f"the training of {own} is finished" in said
    assert any("generated sources, such as" in line for line in said)
    by_hand = train(
        PAIRS,
        VALID,
        tmp_path / "by-hand",
        replace(recipe, teachers=0),
        start=Start(teachers=[own]),
        report=quiet,
    )
    for weight, other in zip(found.model.weights, by_hand.model.weights, strict=True):
        np.testing.assert_array_equal(weight, other)
    assert json.loads((folder / "recipe.json").read_bytes())["teachers"] == 1


# Slow: three more trainings for the other half of the condition.
@pytest.mark.parametrize("pseudo_sources", [pytest.param(0, marks=pytest.mark.slow), 30])
def test_every_second_teacher_that_translates_generated_sources_goes_the_other_way(
    tmp_path: Path, pseudo_sources: int
) -> None:
    recipe = Recipe(**OPTIONS, teachers=2, pseudo_sources=pseudo_sources)
    found = train(PAIRS, VALID, tmp_path / "model", recipe, report=quiet)
    teachers = [Translator.load(tmp_path / "model.teachers" / name) for name in "12"]
    assert [one.reverse_target for one in teachers] == [False, pseudo_sources > 0]
    assert not found.reverse_target


def test_the_tokenizers_are_those_of_the_teachers() -> None:
    start = Start(teachers=[teacher("sun")])
    with pytest.raises(ValueError, match="`source_tokenizer` is settled by the tokenizers of the"):
        train(PAIRS, VALID, "none", Recipe(source_tokenizer="character"), start=start)


def test_teachers_need_one_tokenizer(tmp_path: Path) -> None:
    other = WordTokenizer.train(["a b c d e f"])
    stranger = Translator(teacher("sun").model, other, TOKENIZER)
    start = Start(teachers=[teacher("sun"), stranger])
    with pytest.raises(ValueError, match="translator 2, whose source tokenizer is not the first's"):
        train(PAIRS, VALID, tmp_path / "model", start=start)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prepared": True}, "Distillation needs pairs in memory.* with a prepared corpus"),
        ({"alignments": True}, "Distillation needs pairs without alignments"),
        ({"start": True}, "Distillation needs a new model"),
    ],
)
def test_what_does_not_go_with_teachers_is_told(changes: dict[str, Any], message: str) -> None:
    usual = Given(start=False, prepared=False, alignments=False, strategy=False, teachers=True)
    check_combination(Recipe(distillation_weight=0.1), usual)
    with pytest.raises(ValueError, match=message):
        check_combination(Recipe(), usual._replace(**changes))
    with pytest.raises(ValueError, match=message):
        check_combination(Recipe(teachers=2), usual._replace(**changes, teachers=False))
    with pytest.raises(ValueError, match="teachers=2 with trained teachers. Leave the number out"):
        check_combination(Recipe(teachers=2), usual)
    with pytest.raises(ValueError, match="`distillation_weight` needs teachers"):
        check_combination(Recipe(distillation_weight=0.1), usual._replace(teachers=False))


def test_a_start_has_teachers_or_a_model_to_go_on_with(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Leave one of them out"):
        Start(translator=teacher("sun"), teachers=[teacher("cat")])
    for wrong in ("folder", Path("folder"), 3):
        with pytest.raises(TypeError, match="must be a list of Translator or of their folders"):
            Start(teachers=wrong)  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="`teachers` must be a Translator, or its folder"):
        Start(teachers=[3]).loaded()  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="is not replaced"):
        Start(teachers=[tmp_path]).check_output(tmp_path)

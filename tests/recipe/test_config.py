"""A recipe refuses what cannot be trained, and is read from where any version saved it."""

import json
import math
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.identity import differences, identity_of
from keras_s2s.recipe.old_names import OLD_NAMES
from keras_s2s.recipe.resume import Run
from keras_s2s.recipe.training_pairs import TrainingPairs
from keras_s2s.text.option_fields import GROUPS, options_of

# What a version before the options had the constructors' names wrote, and how it was told.
OLD: dict[str, Any] = {
    "embedding": 24,
    "layers": 2,
    "places": 7,
    "score": "location",
    "jitter": 0.5,
    "choose_by": "sequence_accuracy",
    "clip_norm": 2.0,
    "accumulation": 3,
    "averaging": 0.9,
}
NEW = Recipe(
    embedding_dimension=24,
    num_layers=2,
    maximum_source_length=7,
    score="location",
    length_noise=0.5,
    monitor="sequence_accuracy",
    global_clipnorm=2.0,
    gradient_accumulation_steps=3,
    ema_momentum=0.9,
)


def write(folder: Path, content: Any) -> Path:
    path = folder / "recipe.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_saved_recipe_is_read_again(tmp_path: Path) -> None:
    assert Recipe.from_json(write(tmp_path, asdict(NEW))) == NEW


def test_old_names_are_read_as_the_new_ones(tmp_path: Path) -> None:
    assert Recipe.from_json(write(tmp_path, OLD)) == NEW


def test_what_a_file_leaves_out_has_its_default(tmp_path: Path) -> None:
    assert Recipe.from_json(write(tmp_path, {"units": 8})) == Recipe(units=8)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "A recipe must be JSON. Received: .*recipe.json: "),
        ("[1]", "A recipe must be a JSON object of options. Received: .*recipe.json"),
        ({"unit": 8}, "hold options of `Recipe` alone. Received: unit in .*recipe.json. Correct"),
        ({"units": 0}, "recipe.json: `units` must be positive. Received: units=0$"),
        ({"layers": 0}, "recipe.json: `num_layers` must be positive. Received: num_layers=0$"),
    ],
)
def test_what_is_no_recipe_is_told_with_its_file(
    content: Any, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        Recipe.from_json(write(tmp_path, content))


def test_an_option_of_another_type_is_told_with_its_file(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="recipe.json: .* Received: units='8'"):
        Recipe.from_json(write(tmp_path, {"units": "8"}))


def test_a_training_that_was_started_under_the_old_names_is_the_same_one(tmp_path: Path) -> None:
    pairs = [("a", "b")]
    identity = identity_of(NEW, TrainingPairs(pairs))
    before = {new: old for old, new in OLD_NAMES.items()}
    recipe = {before.get(name, name): value for name, value in asdict(NEW).items()}
    assert recipe.keys() >= set(OLD_NAMES)
    (tmp_path / "training.json").write_text(json.dumps({**identity, "recipe": recipe}))
    assert differences(tmp_path, identity) == ""
    recipe["layers"] = 5
    (tmp_path / "training.json").write_text(json.dumps({**identity, "recipe": recipe}))
    assert differences(tmp_path, identity) == "num_layers=2 instead of 5"


def test_every_option_has_a_group_and_a_sentence() -> None:
    for kind in (Recipe, Run):
        for field, stated in options_of(kind):
            assert stated.group in GROUPS and stated.help.endswith("."), field.name
            assert not stated.choices or field.default in stated.choices


def test_an_option_goes_with_another_one_that_exists() -> None:
    choices = {field.name: stated.choices for field, stated in options_of(Recipe)}
    for field, stated in options_of(Recipe):
        other, values = stated.only_with or ("attention", ())
        assert set(values) <= set(choices[other] or (None,)), field.name


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"checkpoint_minutes": -1.0}, "`checkpoint_minutes` must be at least 0"),
        ({"checkpoint_steps": 0}, "`checkpoint_steps` must be at least 1"),
    ],
)
def test_a_run_that_cannot_be_is_told(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Run(**wrong)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"source_tokenizer": "bytes"}, "`source_tokenizer` must be one of .* Received: .*'bytes'"),
        ({"target_tokenizer": "bytes"}, "target_tokenizer='bytes'"),
        ({"source_normalization": "nfc"}, "source_normalization='nfc'"),
        ({"cell": "elman"}, "`cell` must be one of"),
        ({"attention": "dot"}, "`attention` must be one of"),
        ({"score": "luong"}, "`score` must be one of"),
        ({"precision": "int8"}, "`precision` must be one of"),
        ({"units": 0}, "`units` must be positive"),
        ({"units": 7}, "`units` must be even: each direction has half"),
        ({"embedding_dimension": -1}, "`embedding_dimension` must be positive"),
        ({"num_layers": 0}, "`num_layers` must be positive"),
        ({"epochs": 0}, "`epochs` must be positive"),
        ({"batch_tokens": 0}, "`batch_tokens` must be positive"),
        ({"batch_sentences": 0}, "`batch_sentences` must be from 1 to"),
        ({"length_noise": -0.1}, "`length_noise` must be from 0 to 1000"),
        ({"length_noise": math.nan}, "length_noise=nan"),
        ({"monitor": "loss"}, "`monitor` must be one of"),
        ({"patience": 0}, "`patience` must be positive"),
        ({"learning_rate": 0.0}, r"`learning_rate` must be positive\. Received: learning_rate=0"),
        ({"learning_rate": math.nan}, "learning_rate=nan"),
        ({"minutes": 0.0}, "`minutes` must be positive"),
        ({"dropout": 1.0}, "`dropout` must be at least 0 and below 1"),
        ({"label_smoothing": -0.1}, "label_smoothing=-0.1"),
        ({"ema_momentum": 1.0}, "ema_momentum=1.0"),
        ({"subword_sampling": 1.5}, "`subword_sampling` must be from 0 to 1"),
        ({"vocabulary_size": 4}, "`vocabulary_size` must be at least 5"),
        ({"seed": -1}, "`seed` must be from 0"),
        ({"minutes": math.inf}, "`minutes` must be at most 1,000,000"),
        ({"attention": "bahdanau", "score": "dot"}, "`score` must be left out where `attention`"),
        ({"window": 3}, "`window` must be left out where `local` is not .* with local=None"),
        ({"maximum_source_length": 7}, "`maximum_source_length` must be left out where `score`"),
        ({"sampling_steps": 5}, "`sampling_steps` must be left out"),
        (
            {"batch_tokens": 64, "batch_sentences": 8},
            "left out with `batch_sentences`. Received: .*=8",
        ),
        ({"attention": "none", "input_feeding": True}, "no attention to feed"),
        (
            {"attention": "monotonic_luong", "score": "location"},
            "one that reads the memory",
        ),
        ({"attention": "bahdanau", "local": "monotonic"}, "the attention is not luong"),
        ({"attention": "none", "bridge": "zeros"}, "there is no attention"),
        (
            {"source_tokenizer": "character", "tie_embeddings": "three"},
            "one SentencePiece vocabulary for both sides",
        ),
        ({"joint_vocabulary": False, "tie_embeddings": "three"}, "one SentencePiece vocabulary"),
        ({"joint_vocabulary": False, "copying": True}, "one SentencePiece vocabulary"),
        ({"attention": "none", "copying": True}, "left out without attention"),
    ],
)
def test_what_cannot_be_trained_is_told_before_anything_is_read(
    wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Recipe(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"residual": "no"},
        {"units": 8.0},
        {"units": "8"},
        {"units": True},
        {"units": np.int64(8)},
        {"units": None},
        {"learning_rate": "fast"},
        {"learning_rate": True},
        {"minutes": "5"},
        {"cell": 3},
        {"local": 3},
    ],
    ids=str,
)
def test_an_option_of_another_type_is_told(wrong: dict[str, Any]) -> None:
    ((name, value),) = wrong.items()
    with pytest.raises(
        TypeError, match=f"`{name}` must be .* Received: {name}={re.escape(repr(value))}"
    ):
        Recipe(**wrong)

"""`train --config`: options from a file, whose values the command line overrules."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from keras_s2s.cli import run_training as command
from keras_s2s.recipe.auto_recipe import AutoRecipe
from keras_s2s.recipe.config import Recipe
from keras_s2s.text.option_fields import as_json

from .conftest import call


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """What the training was called with; nothing is trained."""
    found: dict[str, Any] = {}

    def noted(pairs: Any, valid: Any, output: Path, auto: AutoRecipe, **rest: Any) -> None:
        recipe = Recipe(**auto.given)
        found.update(pairs=pairs, valid=valid, output=output, auto=auto, recipe=recipe, **rest)

    monkeypatch.setattr(command, "train", noted)
    monkeypatch.chdir(tmp_path)
    Path("pairs.tsv").write_text("a\tb\nc\td\n")
    return found


def test_options_are_named_as_on_the_command_line(trained: dict[str, Any]) -> None:
    Path("config.yaml").write_text(
        "\ufeff# A comment.\ntsv: pairs.tsv\noutput: model\nunits: 64\nlearning-rate: 1e-3\n"
        "joint_vocabulary: false\nsource-tokenizer: character\nminutes: null\nfreeze: [encoder]\n"
        "protect: <2de>\n",
        encoding="utf-8",
    )
    assert call("train", "--config", "config.yaml") == 0
    assert trained["pairs"] == [("a", "b"), ("c", "d")] and trained["output"] == Path("model")
    assert trained["start"].freeze == ["encoder"]
    assert trained["recipe"] == Recipe(
        units=64,
        learning_rate=1e-3,
        joint_vocabulary=False,
        source_tokenizer="character",
        protect=("<2de>",),
    )


def test_the_command_line_takes_precedence(trained: dict[str, Any]) -> None:
    Path("config.yaml").write_text("units: 64\nnum-layers: 2\noutput: model\n")
    words = ["--tsv", "pairs.tsv", "--config", "config.yaml", "--units", 32]
    assert call("train", *words) == 0
    assert trained["recipe"] == Recipe(units=32, num_layers=2)


@pytest.mark.parametrize(
    ("recipe", "words", "given"),
    [
        ({"steps": 90, "units": 8}, "--epochs 3", {"epochs": 3, "units": 8}),
        ({"epochs": 40}, "--steps 7", {"steps": 7}),
        ({"batch_sentences": 16}, "--batch-tokens 500", {"batch_tokens": 500}),
        ({"batch_tokens": 500}, "--batch-sentences 4", {"batch_sentences": 4}),
        ({"steps": 90}, "--steps 7", {"steps": 7}),
        ({"minutes": 30}, "--teachers 0", {"minutes": 30.0, "teachers": 0}),
    ],
)
def test_a_typed_option_replaces_its_alternative_which_then_is_not_given(
    recipe: dict[str, Any], words: str, given: dict[str, Any], trained: dict[str, Any]
) -> None:
    Path("recipe.json").write_text(json.dumps(recipe))
    files = ["--tsv", "pairs.tsv", "--output", "model", "--config", "recipe.json"]
    assert call("train", *files, *words.split()) == 0
    assert trained["auto"].given == given


def test_options_that_exclude_each_other_in_other_ways_are_an_error(
    trained: dict[str, Any], capsys: pytest.CaptureFixture
) -> None:
    Path("recipe.json").write_text('{"teachers": 2}')
    files = ["--tsv", "pairs.tsv", "--output", "model", "--config", "recipe.json"]
    assert call("train", *files, "--minutes", 3) == 2
    assert "--teachers must be left out with --minutes" in capsys.readouterr().err
    assert not trained


def test_options_that_exclude_each_other_on_the_command_line_are_an_error(
    trained: dict[str, Any], capsys: pytest.CaptureFixture
) -> None:
    files = ["--tsv", "pairs.tsv", "--output", "model"]
    assert call("train", *files, "--epochs", 3, "--steps", 9) == 2
    assert "--epochs must be left out with --steps" in capsys.readouterr().err
    assert not trained


def test_an_effort_where_a_file_gives_all_options_is_an_error(
    trained: dict[str, Any], capsys: pytest.CaptureFixture
) -> None:
    Path("recipe.json").write_text(json.dumps(as_json(Recipe(steps=9))))
    files = ["--tsv", "pairs.tsv", "--output", "model", "--config", "recipe.json"]
    for effort in ("quick", "thorough"):
        assert call("train", *files, "--effort", effort) == 2
        assert "--effort must be left out where all" in capsys.readouterr().err
        assert not trained


def test_the_recipe_of_a_training_is_a_configuration(trained: dict[str, Any]) -> None:
    recipe = Recipe(
        units=48,
        cell="gru",
        learning_rate=0.001,
        scheduled_sampling="linear",
        protect=("<a>", "<b>"),
    )
    from keras_s2s.text.option_fields import as_json

    Path("recipe.json").write_text(json.dumps(as_json(recipe)))
    words = ["--tsv", "pairs.tsv", "--output", "model"]
    assert call("train", *words, "--config", "recipe.json") == 0
    assert trained["recipe"] == recipe
    # All that could be chosen is given, except for what is not there and depends on the others.
    left = Recipe.CHOSEN - trained["auto"].given.keys()
    assert left == {"batch_sentences", "steps"}
    chosen = trained["auto"].choose([("ab", "A B"), ("b", "B")] * 50)
    assert chosen == recipe


def test_names_of_earlier_versions_are_understood(trained: dict[str, Any]) -> None:
    Path("old.yaml").write_text("layers: 3\n")
    assert call("train", "--tsv", "pairs.tsv", "--output", "model", "--config", "old.yaml") == 0
    assert trained["recipe"].num_layers == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"unit: 64", "Received: 'unit' in config.yaml. Did you mean units?"),
        (b"units: many", "units in config.yaml"),
        (b"units: 6.5", "units in config.yaml"),
        (b"units: true", "units in config.yaml"),
        (b"units: [64]", "single value, not a list. Received: units in config.yaml"),
        (b"units: {a: 1}", "a text, a number or a list. Received: units"),
        (b"units:", "an option needs a value. Received: none for units"),
        (b"units: 64\nunits: 32", "may occur only once in a configuration. Received: 'units'"),
        (
            b"num-layers: 1\nnum_layers: 2",
            "may occur only once in a configuration. Received: 'num_layers'",
        ),
        (b"units: 0", "--units must be"),
        (b"config: other.yaml", "Received: 'config' in"),
        (b"- units", "maps names of options to values"),
        (b"units", "maps names of options to values"),
        (b"1: 2", "maps names of options to values"),
        (b"units: 'a", "must be YAML"),
        (b"a: !!python/object/apply:os.system ['true']", "must be YAML"),
        (b"\xff\xfeu\x00", "must be YAML"),
        (b"[" * 5000, "must be YAML"),
        (b"# " + b"x" * 1_000_000, "at most 100,000 bytes"),
    ],
)
def test_a_wrong_file_is_one_line_and_leaves_nothing(
    trained: dict[str, Any], content: bytes, message: str, capsys: pytest.CaptureFixture
) -> None:
    Path("config.yaml").write_bytes(content)
    words = ["--tsv", "pairs.tsv", "--output", "model", "--config", "config.yaml"]
    assert call("train", *words) == 2
    (error,) = capsys.readouterr().err.splitlines()[-1:]
    assert error.startswith("error: ") and message in error, error
    assert not trained and not Path("model").exists()


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_what_is_no_file_is_one_line(
    trained: dict[str, Any], name: str, capsys: pytest.CaptureFixture
) -> None:
    assert call("train", "--tsv", "pairs.tsv", "--output", "model", "--config", name) == 2
    assert capsys.readouterr().err.startswith("error: ") and not trained


def test_an_empty_file_changes_nothing(trained: dict[str, Any]) -> None:
    Path("config.yaml").write_bytes(b"")
    words = ["--tsv", "pairs.tsv", "--output", "model", "--config", "config.yaml"]
    assert call("train", *words) == 0 and trained["recipe"] == Recipe()


def test_files_of_the_command_line_replace_all_of_the_configuration(
    trained: dict[str, Any],
) -> None:
    Path("sides").write_text("e\n")
    Path("valid.tsv").write_text("f\tg\n")
    Path("config.yaml").write_text(
        "source: sides\ntarget: sides\nvalid-share: 0.5\noutput: model\n"
    )
    words = ["--tsv", "pairs.tsv", "--valid-tsv", "valid.tsv"]
    assert call("train", "--config", "config.yaml", *words) == 0
    assert trained["pairs"] == [("a", "b"), ("c", "d")] and trained["valid"] == [("f", "g")]
    assert trained["recipe"].valid_share is None
    assert call("train", "--config", "config.yaml") == 0
    assert trained["pairs"] == [("e", "e")] and trained["recipe"].valid_share == 0.5

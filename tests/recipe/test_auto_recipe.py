"""A training without a recipe chooses it, says so, and keeps it when it resumes."""

import json
from pathlib import Path
from typing import Any

import pytest

from keras_s2s import prepare
from keras_s2s.data.corpus import Corpus
from keras_s2s.inference.translator import Translator
from keras_s2s.recipe.auto_recipe import AutoRecipe, complete_recipe
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.identity import TRAINING
from keras_s2s.recipe.resume import Run, read_record
from keras_s2s.recipe.start import Start
from keras_s2s.recipe.train import train
from keras_s2s.text.option_fields import as_json
from keras_s2s.text.options import TextOptions

WORDS = ["bad", "dab", "add", "dad", "ab", "ad", "ba", "da"]
PAIRS = [(word, " ".join(word.upper())) for word in WORDS * 40]
SMALL: dict[str, Any] = {"units": 16, "steps": 45, "precision": "float32"}


def quiet(_: str) -> None:
    pass


def complete(recipe: Any, folder: Path, **run: Any) -> tuple[Recipe, list[str]]:
    lines: list[str] = []
    run_ = Run(**run)
    record = read_record(folder, run_)
    return complete_recipe(recipe, PAIRS, Start(), run_, record, lines.append), lines


def test_without_a_recipe_all_is_chosen_and_told_with_its_reason(tmp_path: Path) -> None:
    recipe, lines = complete(None, tmp_path)
    assert (recipe.source_tokenizer, recipe.target_tokenizer) == ("character", "word")
    assert lines[0].startswith("chosen for 320 pairs")
    told = {line.split()[0] for line in lines[1:] if line.startswith("  ")}
    assert {"source-tokenizer", "units", "steps", "precision"} <= told
    assert "all steps take about" in lines[-1]


def test_tokenizers_alone_are_chosen_as_for_a_training() -> None:
    lines: list[str] = []
    options = AutoRecipe(vocabulary_size=99).choose_text(iter(PAIRS), lines.append)
    whole = AutoRecipe(vocabulary_size=99).choose(PAIRS)
    own = as_json(options)
    assert own == {name: as_json(whole)[name] for name in own}
    assert [line.split()[0] for line in lines[1:]] == ["target-tokenizer", "source-tokenizer"]


def test_a_corpus_is_chosen_for_like_its_pairs(tmp_path: Path) -> None:
    path = tmp_path / "words.tsv"
    path.write_text("".join("\t".join(pair) + "\n" for pair in PAIRS), encoding="utf-8")
    auto = AutoRecipe(precision="float32")
    assert auto.choose(Corpus.from_tsv(path)) == auto.choose(PAIRS)
    with pytest.raises(ValueError, match="`pairs` must be one pair or more"):
        auto.choose([])


def test_teachers_that_are_none_leave_the_minutes() -> None:
    assert AutoRecipe(effort="thorough", teachers=0, minutes=3).given["minutes"] == 3


def test_a_whole_recipe_is_left_as_it_is(tmp_path: Path) -> None:
    given = Recipe(units=32)
    recipe, lines = complete(given, tmp_path)
    assert recipe is given
    assert not lines


def test_where_nothing_is_left_to_choose_nothing_is_told(tmp_path: Path) -> None:
    whole = {**as_json(Recipe()), "protect": ()}
    recipe, lines = complete(AutoRecipe(**{**whole, "batch_sentences": 8}), tmp_path)
    assert recipe == Recipe(batch_sentences=8)
    assert not lines


def test_minutes_are_compared_with_the_estimate(tmp_path: Path) -> None:
    _, lines = complete(AutoRecipe(minutes=0.001, units=1000), tmp_path)
    assert lines[-1].endswith("the schedule is shortened to 0 s")


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ({"effort": "much"}, ValueError, "`effort` must be one of .*quick.*effort='much'"),
        ({"units": 3}, ValueError, "units=3"),
        ({"units": "8"}, TypeError, "`units` must be int"),
        ({"unit": 8}, TypeError, "`AutoRecipe` takes options of `Recipe`. Received: 'unit'"),
        (
            {"effort": "quick", **as_json(Recipe(steps=9)), "protect": ()},
            ValueError,
            "`effort` must be left out where all options are given. Received: effort='quick'",
        ),
        ({"effort": "thorough", "minutes": 5}, ValueError, "left out with effort='thorough'"),
        ({"steps": 5, "epochs": 2}, ValueError, "`epochs` must be left out with `steps`"),
    ],
)
def test_wrong_options_are_errors_when_they_are_given(
    given: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        AutoRecipe(**given)


def test_a_training_records_its_choices_and_its_steps_and_resumes_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, lines = tmp_path / "model", list[str]()
    train(PAIRS, PAIRS[:8], folder, AutoRecipe(**SMALL), report=lines.append)
    recorded = Recipe.from_json(folder / "recipe.json")
    assert recorded.target_tokenizer == "word"
    assert recorded.schedule == "plateau"
    history = json.loads((folder / "history.json").read_text())
    assert len(history["loss"]) == 3  # 45 steps, 20 in an epoch

    # Nothing is chosen again: another machine, or other rules, would choose otherwise.
    monkeypatch.setattr("keras_s2s.recipe.auto_recipe.choose", None)
    recipe, _ = complete(AutoRecipe(), folder, resume=True)
    assert as_json(recipe) == json.loads((folder / TRAINING).read_text())["recipe"]
    train(PAIRS, PAIRS[:8], folder, AutoRecipe(**SMALL), run=Run(resume=True), report=lines.append)
    assert lines[-1] == f"the training of {folder} is finished"
    with pytest.raises(ValueError, match="units=8 instead of 16"):
        train(PAIRS, PAIRS[:8], folder, AutoRecipe(units=8), run=Run(resume=True))


def test_with_a_damaged_record_the_options_are_chosen(tmp_path: Path) -> None:
    (tmp_path / TRAINING).write_text('{"recipe": 3}')
    recipe, _ = complete(AutoRecipe(**SMALL), tmp_path, resume=True)
    assert recipe.target_tokenizer == "word"


def test_with_a_model_to_start_from_nothing_is_chosen(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    begun: Translator = train(PAIRS, PAIRS[:8], folder, AutoRecipe(**SMALL), report=quiet)
    start = Start(translator=begun)
    assert complete_recipe(None, PAIRS, start, Run(), {}, quiet) == Recipe()
    with pytest.raises(ValueError, match="`effort` must be left out with a trained model"):
        complete_recipe(AutoRecipe(effort="quick"), PAIRS, start, Run(), {}, quiet)


def test_embeddings_from_a_file_settle_their_size(tmp_path: Path) -> None:
    file = tmp_path / "vectors.txt"
    file.write_text("a 1 2 3\nb 1 2 3\n")
    start = Start(source_embeddings=file)
    assert complete_recipe(None, PAIRS, start, Run(), {}, quiet).embedding_dimension == 3


def test_embeddings_of_both_sides_are_two_matrices_even_where_the_decoder_copies(
    tmp_path: Path,
) -> None:
    file = tmp_path / "vectors.txt"
    file.write_text("one 1 2 3\ntwo 1 2 3\n")
    texts = [
        (f"one two three and number {number}", f"two three and {number}") for number in range(200)
    ]
    for start, expected in [
        (Start(source_embeddings=file), "three"),
        (Start(source_embeddings=file, target_embeddings=file), "two"),
    ]:
        found = complete_recipe(None, texts, start, Run(), {}, quiet)
        assert found.copying is True
        assert found.tie_embeddings == expected


def test_a_prepared_corpus_brings_its_tokenizers(tmp_path: Path) -> None:
    for side, texts in zip("st", zip(*PAIRS, strict=True), strict=True):
        (tmp_path / side).write_text("".join(f"{text}\n" for text in texts))
    options = TextOptions(source_tokenizer="character", target_tokenizer="character")
    corpus = Corpus(tmp_path / "s", tmp_path / "t")
    prepared = prepare(corpus, tmp_path / "prepared", options, workers=1, report=quiet)
    lines: list[str] = []
    recipe = AutoRecipe(precision="float32").choose(prepared, lines.append)
    assert (recipe.source_tokenizer, recipe.target_tokenizer) == ("character", "character")
    assert lines[0].startswith("chosen for 320 pairs")
    assert not any("tokenizer" in line for line in lines)


class Stopped(BaseException):
    """Ends a training at a chosen place, as a kill would."""


def stop(*_: Any, **__: Any) -> Any:
    raise Stopped


def test_a_training_that_ended_before_its_first_checkpoint_resumes_with_its_own_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, lines = tmp_path / "model", list[str]()
    train(PAIRS, PAIRS[:8], folder, AutoRecipe(**SMALL), report=quiet)
    options = AutoRecipe(effort="quick", **{**SMALL, "steps": 5})
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr("keras_s2s.recipe.train._fit", stop)
        train(PAIRS, PAIRS[:8], folder, options, report=quiet)
    # The options are those of the training that was stopped, not of the model that is there.
    resumed = Run(resume=True)
    train(PAIRS, PAIRS[:8], folder, None, run=resumed, report=lines.append)
    assert Recipe.from_json(folder / "recipe.json").steps == 5
    assert f"no checkpoint is in {folder}.checkpoints: the training begins" in lines
    assert not (tmp_path / "model.checkpoints").exists()


def test_before_the_first_checkpoint_other_options_or_another_effort_do_not_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, resumed = tmp_path / "model", Run(resume=True)
    monkeypatch.setattr("keras_s2s.recipe.train._fit", stop)
    with pytest.raises(Stopped):
        train(PAIRS, PAIRS[:8], folder, AutoRecipe(effort="quick", **SMALL), report=quiet)
    with pytest.raises(ValueError, match=r"units=8 instead of 16 in .*model.checkpoints"):
        train(PAIRS, PAIRS[:8], folder, AutoRecipe(units=8), run=resumed, report=quiet)
    with pytest.raises(ValueError, match="`effort` must be 'quick', with which the training began"):
        train(PAIRS, None, folder, AutoRecipe(effort="thorough"), run=resumed, report=quiet)
    with pytest.raises(Stopped):
        train(PAIRS, PAIRS[:8], folder, AutoRecipe(effort="quick"), run=resumed, report=quiet)


def test_a_training_that_ended_with_its_teachers_chooses_nothing_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model"
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr("keras_s2s.recipe.train._fit", stop)
        train(PAIRS, PAIRS[:8], folder, AutoRecipe(teachers=1, **SMALL), report=quiet)
    monkeypatch.setattr("keras_s2s.recipe.auto_recipe.choose", None)
    recipe, _ = complete(AutoRecipe(), folder, resume=True)
    assert (recipe.teachers, recipe.units) == (1, 16)


def test_a_fine_tuning_resumes_with_the_options_that_it_began_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model"
    begun: Translator = train(PAIRS, PAIRS[:8], folder, AutoRecipe(**SMALL), report=quiet)
    start, tuned = Start(translator=begun), tmp_path / "tuned"
    with monkeypatch.context() as patch, pytest.raises(Stopped):
        patch.setattr("keras_s2s.recipe.train._fit", stop)
        train(PAIRS, PAIRS[:8], tuned, AutoRecipe(steps=7, dropout=0.2), start=start, report=quiet)
    resumed = Run(resume=True)
    train(PAIRS, PAIRS[:8], tuned, None, start=start, run=resumed, report=quiet)
    recipe = Recipe.from_json(tuned / "recipe.json")
    assert (recipe.steps, recipe.dropout) == (7, 0.2)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"epochs": 3}, "epochs=3 instead of 30.*steps=None instead of 45"),
        ({"batch_tokens": 99}, "batch_tokens=99 instead of 2048"),
        ({"minutes": 3}, "teachers=0 instead of 1, minutes=3 instead of None"),
    ],
)
def test_options_that_exclude_recorded_ones_are_told_as_differences(
    given: dict[str, Any], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "model"
    monkeypatch.setattr("keras_s2s.recipe.train._fit", stop)
    with pytest.raises(Stopped):
        train(PAIRS, PAIRS[:8], folder, AutoRecipe(teachers=1, **SMALL), report=quiet)
    with pytest.raises(ValueError, match=words):
        train(PAIRS, PAIRS[:8], folder, AutoRecipe(**given), run=Run(resume=True), report=quiet)


def test_what_a_later_version_recorded_is_left_out(tmp_path: Path) -> None:
    recipe = {**as_json(Recipe(units=8)), "telepathy": 3}
    (tmp_path / TRAINING).write_text(json.dumps({"recipe": recipe, "effort": None}))
    found, _ = complete(AutoRecipe(), tmp_path, resume=True)
    assert found.units == 8


def test_a_finished_training_that_left_its_record_is_not_trained_again(tmp_path: Path) -> None:
    folder, lines = tmp_path / "model", list[str]()
    train(PAIRS, PAIRS[:8], folder, AutoRecipe(**SMALL), report=quiet)
    record = tmp_path / "model.checkpoints" / TRAINING
    record.parent.mkdir()
    record.write_bytes((folder / TRAINING).read_bytes())
    train(PAIRS, PAIRS[:8], folder, None, run=Run(resume=True), report=lines.append)
    assert lines[-1] == f"the training of {folder} is finished"

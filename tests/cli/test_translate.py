"""Several models on the command line, their average, and words in place of unknown ones."""

import io
import json
import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from keras_s2s import (
    Beam,
    Decoder,
    Encoder,
    Greedy,
    LuongAttention,
    Seq2Seq,
    Translation,
    Translator,
    WordTokenizer,
    average,
    export,
)
from keras_s2s.cli.json_lines import SourceLines, write_json_lines

from .conftest import call

LINES = ["a gnu sees Zoë", "", "dog, runs", "gnu"]


def make(
    seed: int, units: int = 8, attention: bool = True, symbols: str = "ein Hund"
) -> Translator:
    keras.utils.set_random_seed(seed)
    source, target = WordTokenizer(["a", "dog", "runs"]), WordTokenizer(symbols.split())
    kind = LuongAttention(units) if attention else None
    decoder: Any = Decoder(target.vocabulary_size, units, attention=kind)
    model = Seq2Seq(Encoder(source.vocabulary_size, units), decoder)
    model.set_weights([4 * one for one in model.get_weights()])
    return Translator(model, source, target, search=Greedy(), maximum_source_length=20)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models: `first` and `second` of one kind, `large`, `plain`, `foreign`, and `blank`."""
    folder = tmp_path_factory.mktemp("models")
    several = {
        "first": make(1),
        "second": make(2),
        "large": make(3, units=12),
        "plain": make(4, attention=False),
        "foreign": make(5, symbols="Hund ein"),
        "blank": make(6),
    }
    blank: Any = several["blank"].model
    blank.decoder.output_kernel.assign(0.0 * blank.decoder.output_kernel)  # All is unknown.
    for name, translator in several.items():
        translator.save(folder / name)
    (folder / "in").write_text("".join(f"{line}\n" for line in LINES), encoding="utf-8")
    (folder / "words.tsv").write_text(
        "gnu\tGnu\textra\n\t\t\ngnu\tZebra\tx\nZoe\u0308\tZoé\tx\nruns\t\t\n,\t\t\na\t\t\ndog\t\t\n",
        encoding="utf-8",
    )
    (folder / "all.tsv").write_text("".join(f"{line}\t{line}\n" for line in LINES if line))
    (folder / "one.tsv").write_text("gnu\n")
    (folder / "empty.tsv").write_text("")
    return folder


def models(folder: Path, *names: str) -> list[object]:
    return [word for name in names for word in ("--model", folder / name)]


def load(folder: Path, *names: str) -> list[Translator]:
    return [Translator.load(folder / name) for name in names]


@pytest.mark.slow  # Traces the searches of an ensemble: 12 s.
def test_several_models_translate_as_one(folder: Path, capsys: pytest.CaptureFixture) -> None:
    words = [*models(folder, "first", "large", "plain"), "--input", folder / "in", "--scores"]
    assert call("translate", *words) == 0
    ensemble = Translator.ensemble(load(folder, "first", "large", "plain"))
    found = [answers[0] for answers in ensemble.stream(LINES)]
    expected = [f"{answer.score:.4f}\t{answer.text}" for answer in found]
    assert capsys.readouterr().out.splitlines() == expected


@pytest.mark.slow  # Traces the searches of an ensemble: 5 s.
def test_several_models_are_scored_as_one(folder: Path, tmp_path: Path) -> None:
    words = ["--tsv", folder / "all.tsv", "--output", tmp_path / "answers"]
    assert call("evaluate", *models(folder, "first", "second"), *words) == 0
    ensemble = Translator.ensemble(load(folder, "first", "second"))
    expected = ensemble.translate([line for line in LINES if line])
    assert (tmp_path / "answers").read_text(encoding="utf-8").split("\n") == [*expected, ""]


def test_average_saves_a_model_that_translates(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    goal = tmp_path / "mean"
    assert call("average", *models(folder, "first", "second"), "--output", goal) == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"saved in {goal}\n")
    expected = average(load(folder, "first", "second"))
    found = Translator.load(goal)
    for mine, theirs in zip(found.model.get_weights(), expected.model.get_weights(), strict=True):
        assert (mine == theirs).all()
    assert found.options == expected.options


def test_source_words_take_the_place_of_unknown_ones(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    words = [*models(folder, "blank"), "--input", folder / "in", "--replace-unknown"]
    assert call("translate", *words) == 0
    copied = capsys.readouterr().out.splitlines()
    assert copied == load(folder, "blank")[0].translate(LINES, replace_unknown=True)
    assert "gnu" in copied[3] and "⁇" not in "".join(copied)
    assert call("translate", *words, "--dictionary", folder / "words.tsv") == 0
    captured = capsys.readouterr()
    expected = [line.replace("gnu", "Gnu").replace("Zoë", "Zoé") for line in copied]
    assert captured.out.splitlines() == expected != copied
    assert "words.tsv: 8 pairs read" in captured.err


def test_the_same_is_scored(folder: Path, tmp_path: Path) -> None:
    words = ["--tsv", folder / "all.tsv", "--output", tmp_path / "answers", "--replace-unknown"]
    words += ["--dictionary", folder / "words.tsv", "--json", tmp_path / "figures"]
    assert call("evaluate", *models(folder, "blank"), *words) == 0
    expected = load(folder, "blank")[0].translate(
        [line for line in LINES if line],
        replace_unknown=True,
        dictionary={"gnu": "Gnu", "Zoë": "Zoé"},
    )
    assert (tmp_path / "answers").read_text(encoding="utf-8").split("\n") == [*expected, ""]
    assert json.loads((tmp_path / "figures").read_bytes())["sentences"] == 3


@pytest.mark.slow  # Another export: 6 s.
def test_an_export_replaces_unknown_words_too_but_joins_no_ensemble(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    pytest.importorskip("tf2onnx", reason="tf2onnx is not installed.")
    (blank,) = load(folder, "blank")
    export.onnx(blank, tmp_path / "export", samples=["a dog"])
    words = ["--input", folder / "in", "--replace-unknown", "--dictionary", folder / "words.tsv"]
    assert call("translate", "--model", tmp_path / "export", *words) == 0
    found = capsys.readouterr().out
    assert call("translate", *models(folder, "blank"), *words) == 0
    assert capsys.readouterr().out == found
    assert call("translate", "--model", tmp_path / "export", *words, "--json", "--attention") == 0
    rows = [json.loads(line)["translations"] for line in capsys.readouterr().out.splitlines()]
    assert [row["text"] for (row,) in rows] == found.splitlines()
    assert [len(row["attention"]) for (row,) in rows] == [len(row["tokens"]) for (row,) in rows]
    several = [*models(folder, "first"), "--model", tmp_path / "export"]
    for command in (["translate"], ["average", "--output", tmp_path / "new"]):
        assert call(*command, *several) == 2
        expected = "error: several --model must be trained models, without exports. Received: "
        assert f"{expected}{tmp_path}" in capsys.readouterr().err


def test_json_has_an_object_for_each_line_with_all_that_was_found(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    words = [*models(folder, "blank"), "--input", folder / "in", "--n-best", 2, "--beam", 3]
    words += ["--json", "--replace-unknown"]
    assert call("translate", *words) == 0
    assert call("translate", *words, "--attention", "--output", tmp_path / "out") == 0
    (translator,) = load(folder, "blank")
    options = {"search": Beam(3), "n_best": 2, "attention": True, "replace_unknown": True}
    expected = list(translator.stream(LINES, **options))
    lines = capsys.readouterr().out.splitlines()
    assert "Zoë" in lines[0]
    with_weights = (tmp_path / "out").read_text(encoding="utf-8").splitlines()
    for text, line, longer, rows in zip(LINES, lines, with_weights, expected, strict=True):
        found, full = json.loads(line), json.loads(longer)
        assert list(found) == ["source", "source_tokens", "translations"]
        assert found["source"] == text and found["source_tokens"] == rows[0].source_pieces
        for one, more, row in zip(found["translations"], full["translations"], rows, strict=True):
            assert list(one) == ["text", "score", "log_probability", "tokens"]
            assert one["text"] == row.text and one["tokens"] == row.target_pieces
            assert one["score"] == pytest.approx(row.score, abs=1e-5)
            assert one["log_probability"] == pytest.approx(row.log_probability, abs=1e-5)
            weights = more.pop("attention")
            assert more == one
            if row.weights is None:
                assert weights == [] and text == ""
            else:
                np.testing.assert_allclose(weights, row.weights, atol=6e-5)


def test_json_has_null_for_a_number_that_it_cannot_hold() -> None:
    lines = SourceLines(["a"], attention=False)  # type: ignore[arg-type]
    assert list(lines) == ["a"]
    file = io.StringIO()
    found = Translation("b", math.nan, -math.inf, ["a"], ["b"], None)
    write_json_lines([[found]], lines, file, flush=True)
    (one,) = json.loads(file.getvalue())["translations"]
    assert one == {"text": "b", "score": None, "log_probability": None, "tokens": ["b"]}


MISTAKES = {
    "other tokenizers": (
        "translate --model {first} --model {foreign} --input {in}",
        "translator 2, whose target tokenizer is not the first's",
    ),
    "no second model": (
        "translate --model {first} --model {none} --input {in}",
        "must be the folder of a translator",
    ),
    "one checkpoint": (
        "average --model {first} --output {none}",
        "--model is needed twice or more. Received: --model {first} alone",
    ),
    "no checkpoint": ("average --output {none}", "Missing option '--model'"),
    "one checkpoint twice": (
        "average --model {first} --model {folder}/./first --output {none}",
        "--model must name another folder each time. Received: {first}, {first}",
    ),
    "answers over the texts": (
        "translate --model {first} --input {in} --output {in}",
        "an output must not be an input as well. Received: {in} for both",
    ),
    "another architecture": (
        "average --model {first} --model {large} --output {none}",
        "Received: translator 2 with encoder.units=12, not 8",
    ),
    "a taken folder": (
        "average --model {first} --model {second} --output {folder}",
        "Move that away, or name another folder",
    ),
    "a dictionary for nothing": (
        "translate --model {first} --dictionary {words.tsv} --input {in}",
        "--dictionary goes with --replace-unknown. Received: {words.tsv} alone",
    ),
    "no dictionary": (
        "translate --model {first} --replace-unknown --dictionary {none} --input {in}",
        "No such file or directory: {none}",
    ),
    "a dictionary of one column": (
        "evaluate --model {first} --replace-unknown --dictionary {one.tsv} --tsv {all.tsv}",
        "{one.tsv}",
    ),
    "an empty dictionary": (
        "evaluate --model {first} --replace-unknown --dictionary {empty.tsv} --tsv {all.tsv}",
        "there is no pair of words in {empty.tsv}",
    ),
    "scores twice": (
        "translate --model {first} --input {in} --json --scores",
        "--json holds the scores already. Received: --scores with --json",
    ),
    "attention in plain text": (
        "translate --model {first} --input {in} --attention",
        "--attention goes with --json. Received: --attention alone",
    ),
    "no attention for JSON": (
        "translate --model {plain} --json --attention --input {in}",
        "A model without attention has none to show",
    ),
    "no attention": (
        "translate --model {plain} --replace-unknown --input {in}",
        "a model without attention looks at none",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_status_2(
    mistake: str, folder: Path, capsys: pytest.CaptureFixture
) -> None:
    line, message = MISTAKES[mistake]
    names = {path.name: path for path in folder.iterdir()}
    names |= {"none": folder / "none", "folder": folder}

    def filled(text: str) -> str:
        for name, path in names.items():
            text = text.replace(f"{{{name}}}", str(path))
        return text

    assert call(*map(filled, line.split())) == 2
    *_, error, end = capsys.readouterr().err.split("\n")
    assert error.startswith("error: ") and filled(message) in error and end == ""
    assert not (folder / "none").exists()


@pytest.mark.filterwarnings("default:Text 2 was cut")
def test_a_line_that_is_too_long_is_cut_or_with_strict_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "in").write_text("a\n" + "a dog " * 30 + "\n", encoding="utf-8")
    words = [*models(folder, "first"), "--input", tmp_path / "in", "--output", tmp_path / "out"]
    assert call("translate", *words, "--strict") == 2
    error = "error: Text 2 must have at most 20 tokens, end mark included. Received: 61 tokens."
    assert error in capsys.readouterr().err.splitlines()[-1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]
    assert call("translate", *words) == 0
    assert "warning: Text 2 was cut to 20 tokens" in capsys.readouterr().err
    (tmp_path / "in").write_text("a\n", encoding="utf-8")
    assert call("translate", *words, "--strict") == 0

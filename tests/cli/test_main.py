"""The command line: its contract, its files, and one line for every mistake."""

import dataclasses
import gzip
import io
import json
import os
import random
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import keras_s2s
from keras_s2s import Beam, Greedy, Translator
from keras_s2s.cli.console import run
from keras_s2s.cli.main import app
from keras_s2s.cli.outputs import check_picture, check_writable, whole_file, whole_path
from keras_s2s.recipe.config import Recipe

from .conftest import call

SCRIPT = Path(sys.executable).with_name("keras-s2s")

CONTRACT = {
    "demo": "--output",
    "prepare": """--source --target --tsv --columns --output --source-tokenizer --target-tokenizer
        --vocabulary-size --joint-vocabulary --source-normalization --target-normalization
        --tokenizer-pairs --duplicates --seed --workers""",
    "train": """--source --target --tsv --valid-source --valid-target --valid-tsv --output
        --source-tokenizer --target-tokenizer --vocabulary-size --cell --units
        --embedding-dimension --num-layers --attention --score --input-feeding
        --no-input-feeding --dropout --label-smoothing
        --columns
        --batch-tokens --epochs --minutes --learning-rate --precision --seed --direction --residual
        --bridge --local --window --maximum-source-length --tie-embeddings --word-dropout
        --scheduled-sampling --sampling-steps --global-clipnorm
        --gradient-accumulation-steps --ema-momentum --length-noise --monitor --prepared""",
    "translate": """--model --input --output --beam --n-best --scores --attention-plot
        --replace-unknown --dictionary --strict --window --prefix --min-length --max-length
        --no-repeat-ngram --repetition-penalty --forbid""",
    "evaluate": """--model --source --target --tsv --columns --beam --json --perplexity
        --replace-unknown --dictionary""",
    "score": "--answers --source --target --tsv --columns --group --language --json",
    "average": "--model --output",
    "export": "--model --format --output --quantize --max-length --lengths",
}
FIGURES = """bleu bleu_signature bleu_lowercased_tokenized chrf rouge_1 rouge_2 rouge_l
    token_error_rate sequence_error_rate exact_match sentences seconds""".split()
TINY = """--source-tokenizer character --units 8 --embedding-dimension 8 --epochs 1
    --batch-tokens 200 --ema-momentum 0 --dropout 0""".split()


def test_the_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--version") == 0
    assert capsys.readouterr().out == f"{keras_s2s.__version__}\n"


def commands() -> dict[str, Any]:
    group: Any = typer.main.get_command(app)
    return group.commands


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `train.src` and `train.tgt`, `valid.*`, and `train.tsv`."""
    folder = tmp_path_factory.mktemp("corpus")
    draw = random.Random(1)
    for name, count in (("train", 60), ("valid", 12)):
        words = ["".join(draw.choices("abcd", k=draw.randint(1, 4))) for _ in range(count)]
        (folder / f"{name}.src").write_text("".join(f"{word}\n" for word in words))
        (folder / f"{name}.tgt").write_text("".join(f"{word[::-1]}\n" for word in words))
        (folder / f"{name}.tsv").write_text("".join(f"{word}\t{word[::-1]}\n" for word in words))
    return folder


def sides(corpus: Path) -> list[str]:
    files = {"source": "train.src", "target": "train.tgt"}
    files |= {"valid-source": "valid.src", "valid-target": "valid.tgt"}
    return [word for name, file in files.items() for word in (f"--{name}", str(corpus / file))]


@pytest.fixture(scope="module")
def model(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A translator that the command line trained, though not for long."""
    folder = tmp_path_factory.mktemp("trained") / "model"
    assert call("train", *sides(corpus), "--output", folder, *TINY, "--precision", "bfloat16") == 0
    return folder


@pytest.fixture(scope="module")
def plain_model(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One without attention, from TSV files."""
    folder = tmp_path_factory.mktemp("plain") / "model"
    words = ["--tsv", corpus / "train.tsv", "--valid-tsv", corpus / "valid.tsv"]
    assert call("train", *words, "--output", folder, *TINY, "--attention", "none") == 0
    return folder


def type_in(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))


@pytest.mark.parametrize("command", CONTRACT)
def test_every_option_of_the_contract_exists(command: str) -> None:
    parameters = commands()[command].params
    names = {name for one in parameters for name in (*one.opts, *one.secondary_opts)}
    assert set(CONTRACT[command].split()) <= names


@pytest.mark.parametrize("command", CONTRACT)
def test_every_option_says_what_it_is_for(command: str) -> None:
    assert [one.name for one in commands()[command].params if not one.help] == []


def test_a_training_without_options_follows_the_recipe_of_the_library() -> None:
    defaults = {one.name: one.default for one in commands()["train"].params}
    for field in dataclasses.fields(Recipe):
        several = list(field.default) if isinstance(field.default, tuple) else field.default
        assert defaults[field.name] == several, field.name


@pytest.mark.parametrize("command", ["", *CONTRACT])
def test_help_names_the_options_and_ends_well(command: str, capsys: pytest.CaptureFixture) -> None:
    assert call(*command.split(), "--help") == 0
    out = capsys.readouterr().out
    assert all(word in out for word in CONTRACT.get(command, " ".join(CONTRACT)).split())
    assert max(map(len, out.splitlines())) <= 100


def test_without_a_word_it_helps(capsys: pytest.CaptureFixture) -> None:
    assert call() == 0
    assert capsys.readouterr().out.startswith("Usage: keras-s2s [OPTIONS] COMMAND")


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom keras_s2s.cli.main import main\n"
        "try:\n    main(['train', '--help'])\nexcept SystemExit:\n    print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    heavy = {"tensorflow", "keras", "numpy", "matplotlib", "sentencepiece", "sacrebleu", "nltk"}
    assert not heavy & set(done.stdout.split())


def test_the_installed_script_helps() -> None:
    done = subprocess.run([SCRIPT, "--help"], check=True, capture_output=True, text=True)
    assert done.stdout.startswith("Usage: keras-s2s")


def test_training_saves_a_translator_by_the_options_and_reports_on_standard_error(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    words = "--target-tokenizer word --cell gru --score dot --seed 7 --minutes 30".split()
    assert call("train", *sides(corpus), "--output", tmp_path / "m", *TINY, *words) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "60 pairs read, 60 kept, 0 skipped" in captured.err
    assert "epoch 1: loss" in captured.err
    assert captured.err.endswith(f"saved in {tmp_path / 'm'}\n")
    recipe = json.loads((tmp_path / "m" / "recipe.json").read_bytes())
    expected = {"target_tokenizer": "word", "cell": "gru", "score": "dot", "seed": 7, "units": 8}
    assert {name: recipe[name] for name in expected} == expected and recipe["minutes"] == 30.0
    decoder: Any = Translator.load(tmp_path / "m").model.decoder
    assert (decoder.cell, decoder.attention.score, decoder.units) == ("gru", "dot", 8)


def test_translate_answers_each_line_of_standard_input_on_standard_output(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    type_in(monkeypatch, b"abc\n\n  \ndab")
    assert call("translate", "--model", model) == 0
    lines = capsys.readouterr().out.split("\n")
    expected = Translator.load(model).translate(["abc", "", "", "dab"])
    assert lines == [*expected, ""]
    assert lines[1:3] == ["", ""]


def test_translate_reads_and_writes_files_packed_or_plain(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "in.gz").write_bytes(gzip.compress("abc\r\nd\u00a0b\n".encode()))
    words = ["--input", tmp_path / "in.gz", "--output", tmp_path / "out", "--beam", 1]
    assert call("translate", "--model", model, *words) == 0
    captured = capsys.readouterr()
    assert captured.out == "" and "CRLF, 1 cleaned (line 1)" in captured.err
    expected = Translator.load(model).translate(["abc", "d\u00a0b"], search=Greedy())
    assert (tmp_path / "out").read_bytes().decode() == "".join(f"{one}\n" for one in expected)
    assert sorted(os.listdir(tmp_path)) == ["in.gz", "out"]


def test_several_answers_have_the_number_of_their_line_and_scores_if_wanted(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    type_in(monkeypatch, b"ab\n\ndc\n")
    assert call("translate", "--model", model, "--beam", 3, "--n-best", 2, "--scores") == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    found = list(Translator.load(model).stream(["ab", "", "dc"], search=Beam(3), n_best=2))
    assert rows == [
        [str(number), f"{answer.score:.4f}", answer.text]
        for number, answers in enumerate(found, 1)
        for answer in answers
    ]
    assert [row[0] for row in rows] == ["1", "1", "2", "3", "3"]


def test_scores_alone_stand_before_the_answers(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    type_in(monkeypatch, b"ab\n")
    assert call("translate", "--model", model, "--scores", "--length-penalty", 0) == 0
    ((answer,),) = Translator.load(model).stream(["ab"], search=Beam(length_penalty=0.0))
    assert capsys.readouterr().out == f"{answer.log_probability:.4f}\t{answer.text}\n"


def test_the_attention_of_the_first_line_with_text_is_drawn(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    type_in(monkeypatch, b"\nab\ncd\n")
    assert call("translate", "--model", model, "--attention-plot", tmp_path / "a.png") == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    type_in(monkeypatch, b"\n\n")
    assert call("translate", "--model", model, "--attention-plot", tmp_path / "b.png") == 0
    assert "no picture was drawn" in capsys.readouterr().err
    assert os.listdir(tmp_path) == ["a.png"]


def test_through_a_pipe_what_has_come_is_answered_before_more_is_read(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (lines, to_command), (from_command, answers) = os.pipe(), os.pipe()
    texts = ["ab", "", "cd", "dab", "b"]
    found: list[str] = []

    def ask() -> None:
        with os.fdopen(to_command, "wb", buffering=0) as asked, os.fdopen(from_command) as answered:
            for several in (texts[:1], texts[1:2], texts[2:4], texts[4:]):
                end = "" if several == texts[4:] else "\n"  # The last line has no end.
                asked.write(("\n".join(several) + end).encode())
                if not end:
                    asked.close()
                found.extend(answered.readline() for _ in several)  # Waits for the answers.

    other = threading.Thread(target=ask, daemon=True)
    other.start()
    with os.fdopen(lines) as stdin, os.fdopen(answers, "w") as stdout:
        monkeypatch.setattr(sys, "stdin", stdin)
        monkeypatch.setattr(sys, "stdout", stdout)
        assert call("translate", "--model", model) == 0
    other.join(60)
    assert not other.is_alive()
    assert found == [f"{text}\n" for text in Translator.load(model).translate(texts)]


@pytest.mark.slow  # Another process with TensorFlow: 13 s.
def test_a_closed_pipe_ends_it_quietly(model: Path) -> None:
    command = f"yes ab | head -300 | {SCRIPT} translate --model {model} --beam 1 | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


@pytest.mark.parametrize("count", [1, 100_000])  # One fails when it is flushed at the end.
def test_a_pipe_that_nobody_reads_ends_it_quietly(count: int) -> None:
    code = (
        "import typer\nfrom keras_s2s.cli.console import run\napp = typer.Typer()\n"
        f"app.command()(lambda: print('answer\\n' * {count}))\nrun(app, ['--'])"
    )
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_streams_that_the_shell_closed_do_no_harm() -> None:
    code = (
        "import sys, typer\nfrom keras_s2s.cli.console import run, say\napp = typer.Typer()\n"
        "app.command()(lambda: print(say(sys.stdin.read())))\nrun(app, ['--'])"
    )
    command = f'{sys.executable} -c "{code}" <&- >&- 2>&-'
    assert subprocess.run(command, shell=True).returncode == 0


@pytest.mark.slow  # Another process with TensorFlow: 11 s.
def test_answers_that_a_closed_output_swallows_are_an_error(model: Path) -> None:
    code = "from keras_s2s.cli.main import main; main()"
    words = f"{sys.executable} -c '{code}' translate --model {model} --beam 1"
    done = subprocess.run(f"echo ab | {words} >&-", shell=True, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2
    assert done.stderr == "error: The stream is closed: standard output\n"


def test_of_a_long_answer_the_first_pieces_are_drawn_and_all_is_answered(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr("keras_s2s.cli.translate.MOST_PIECES_DRAWN", 5)
    (tmp_path / "in").write_text("abcdabcdabcd\n")
    words = ["--input", tmp_path / "in", "--attention-plot", tmp_path / "plot.png"]
    assert call("translate", "--model", model, *words) == 0
    streams = capsys.readouterr()
    assert "the picture shows the first 5 pieces" in streams.err
    assert streams.out.count("\n") == 1 and (tmp_path / "plot.png").stat().st_size > 1000


def evaluate(model: Path, folder: Path, *words: object) -> dict[str, Any]:
    assert call("evaluate", "--model", model, *words, "--json", folder / "figures.json") == 0
    return json.loads((folder / "figures.json").read_bytes())


def test_evaluate_writes_all_figures_answers_and_a_picture(
    model: Path, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    words = ["--source", corpus / "valid.src", "--target", corpus / "valid.tgt", "--beam", 2]
    words += ["--output", tmp_path / "answers", "--plot", tmp_path / "plot.svg"]
    figures = evaluate(model, tmp_path, *words)
    assert set(FIGURES) <= set(figures)
    assert figures["sentences"] == 12 and figures["seconds"] > 0
    assert figures["exact_match"] == 1 - figures["sequence_error_rate"]
    assert sum(row["sentences"] for row in figures["by_length"]) == 12
    sources = (corpus / "valid.src").read_text().splitlines()
    answers = Translator.load(model).translate(sources, search=Beam(2))
    assert (tmp_path / "answers").read_text().splitlines() == answers
    assert "<svg" in (tmp_path / "plot.svg").read_text()
    out = capsys.readouterr().out
    assert f"bleu: {figures['bleu']:.4f}\n" in out and "| source tokens |" in out
    assert sorted(os.listdir(tmp_path)) == ["answers", "figures.json", "plot.svg"]


@pytest.fixture(scope="module")
def answers(model: Path) -> dict[str, str]:
    """What the model answers to three sources."""
    sources = ["ab", "cd", "dddd"]
    return dict(zip(sources, Translator.load(model).translate(sources), strict=True))


def test_any_of_several_targets_is_right(
    model: Path, answers: dict[str, str], tmp_path: Path
) -> None:
    right = list(answers.values())
    for name, lines in {
        "source": list(answers),
        "first": [right[0], "?", "?"],
        "second": ["?", right[1], "?"],
    }.items():
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines))
    words = ["--source", tmp_path / "source", "--target", tmp_path / "first"]
    assert evaluate(model, tmp_path, *words)["exact_match"] == pytest.approx(1 / 3)
    words += ["--target", tmp_path / "second"]
    assert evaluate(model, tmp_path, *words)["exact_match"] == pytest.approx(2 / 3)


def test_lines_of_one_source_can_count_as_one_with_several_answers(
    model: Path, answers: dict[str, str], tmp_path: Path
) -> None:
    rows = [("ab", "?"), ("cd", "?"), ("ab", answers["ab"]), ("ab", "!"), ("dddd", "?")]
    (tmp_path / "all.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in rows))
    words = ["--tsv", tmp_path / "all.tsv"]
    figures = evaluate(model, tmp_path, *words)
    assert (figures["sentences"], figures["exact_match"]) == (5, pytest.approx(1 / 5))
    words += ["--group", "--output", tmp_path / "answers"]
    figures = evaluate(model, tmp_path, *words)
    assert (figures["sentences"], figures["exact_match"]) == (3, pytest.approx(1 / 3))
    assert (tmp_path / "answers").read_text().splitlines() == list(answers.values())


def test_an_empty_side_is_scored_and_not_skipped(model: Path, tmp_path: Path) -> None:
    (tmp_path / "all.tsv").write_text("ab\tba\n\t\n")
    assert evaluate(model, tmp_path, "--tsv", tmp_path / "all.tsv")["sentences"] == 2


MISTAKES = {
    "no command of that name": ("teach", "No such command 'teach'"),
    "unknown option": ("translate --model {model} --speed 9", "No such option: --speed"),
    "no value": ("translate --model", "Option '--model' requires an argument"),
    "missing option": ("translate", "Missing option '--model'"),
    "a word for a number": ("translate --model {model} --beam two", "--beam"),
    "beam of zero": ("translate --model {model} --beam 0", "--beam"),
    "no model": ("translate --model {none}", "must be the folder of a translator"),
    "a file for a model": ("translate --model {text}", "must be the folder of a translator"),
    "a corpus for a model": ("translate --model {corpus}", "must be the folder of a translator"),
    "no input": (
        "translate --model {model} --input {none}",
        "No such file or directory: {none}",
    ),
    "a folder for an input": ("translate --model {model} --input {corpus}", "Is a directory"),
    "no UTF-8": ("translate --model {model} --input {latin}", "must be UTF-8. Received: {latin}"),
    "a folder for an output": (
        "translate --model {model} --input {text} --output {corpus}",
        "Is a directory: {corpus}",
    ),
    "no folder for an output": (
        "translate --model {model} --input {text} --output {none}/out",
        "No such file or directory: {none}",
    ),
    "more answers than beams": (
        "translate --model {model} --input {text} --beam 2 --n-best 3",
        "--n-best must be at most the beam size",
    ),
    "a negative penalty": (
        "translate --model {model} --input {text} --length-penalty -1",
        "--length-penalty must be at least 0",
    ),
    "no attention to draw": (
        "translate --model {plain} --input {text} --attention-plot {none}.png",
        "A model without attention has none to show",
    ),
    "a picture that needs TeX": (
        "translate --model {model} --input {text} --attention-plot {none}.pgf",
        "a picture must end in one of .jpeg, .jpg, .pdf, .png",
    ),
    "one file for two outputs": (
        "translate --model {model} --input {text} --output {none}.png --attention-plot {none}.png",
        "two outputs must be two files",
    ),
    "one file for figures and answers": (
        "evaluate --model {model} --tsv {tsv} --json {none} --output {none}",
        "two outputs must be two files",
    ),
    "a beam of a billion": (
        "translate --model {model} --input {text} --beam 1000000000",
        "--beam must be at most 1,000,000",
    ),
    "a penalty without end": (
        "translate --model {model} --input {text} --length-penalty inf",
        "--length-penalty must be a number below 1e+30. Received: --length-penalty inf",
    ),
    "a language of no code": (
        "evaluate --model {model} --tsv {tsv} --language ../de",
        "--language must be a code such as en or de",
    ),
    "too many pieces": (
        "train --output {none} --vocabulary-size 2147483648",
        "--vocabulary-size must be at most 1,000,000",
    ),
    "too large an embedding": (
        "train --output {none} --embedding-dimension 100000000000",
        "--embedding-dimension must be at most 100,000",
    ),
    "no folder at all": (
        "train --output / --tsv {tsv} --valid-tsv {tsv}",
        "needs a folder with a name",
    ),
    "no picture": (
        "translate --model {model} --input {text} --attention-plot {none}.txt",
        "a picture must end in one of",
    ),
    "nothing to score": ("evaluate --model {model}", "give --source and --target, or --tsv"),
    "two kinds of files": (
        "evaluate --model {model} --tsv {tsv} --source {text}",
        "give --source and --target, or --tsv",
    ),
    "a short target": (
        "evaluate --model {model} --source {text} --target {empty}",
        "must have the same number of lines",
    ),
    "a short second target": (
        "evaluate --model {model} --source {text} --target {text} --target {empty}",
        "every --target must have as many lines as the source, 2",
    ),
    "no pair to score": ("evaluate --model {model} --tsv {empty}", "there is no pair in {empty}"),
    "no folder for figures": (
        "evaluate --model {model} --tsv {tsv} --json {none}/x.json",
        "No such file or directory: {none}",
    ),
    "no model to score": ("evaluate --model {none} --tsv {tsv}", "must be the folder of a"),
    "no training": ("train --output {none}", "give --source and --target, or --tsv"),
    "half a validation": (
        "train --output {none} --tsv {tsv} --valid-source {tsv}",
        "give --valid-source and --valid-target, or --valid-tsv",
    ),
    "no output": ("train --tsv {tsv} --valid-tsv {tsv}", "Missing option '--output'"),
    "an empty corpus": (
        "train --output {none} --tsv {empty} --valid-tsv {tsv}",
        "there is no pair in {empty}",
    ),
    "an unknown cell": ("train --output {none} --cell elman", "--cell must be one of"),
    "all dropped": ("train --output {none} --dropout 1", "--dropout must be at least 0 and below"),
    "no epochs": ("train --output {none} --epochs 0", "--epochs must be positive"),
    "a taken folder": (
        "train --output {corpus} --tsv {tsv} --valid-tsv {tsv}",
        "Move that away, or name another folder",
    ),
    "a file for a folder": (
        "train --output {text} --tsv {tsv} --valid-tsv {tsv}",
        "is saved in a folder",
    ),
    "a taken folder for the demo": ("demo --output {corpus}", "Move that away"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_status_2(
    mistake: str,
    model: Path,
    plain_model: Path,
    corpus: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    (tmp_path / "latin").write_bytes("abc\nGr\u00fc\u00dfe\n".encode("latin-1"))
    (tmp_path / "text").write_text("ab\ncd\n")
    (tmp_path / "empty").write_text("")
    names = {name: tmp_path / name for name in ("latin", "text", "empty", "none")}
    names |= {"model": model, "plain": plain_model, "corpus": corpus}
    names["tsv"] = corpus / "valid.tsv"
    before = set(os.listdir(tmp_path))
    line, message = MISTAKES[mistake]
    capsys.readouterr()
    assert call(*(word.format_map(names) for word in line.split())) == 2
    *reports, error, end = capsys.readouterr().err.split("\n")
    assert error.startswith("error: ") and message.format_map(names) in error
    assert end == ""
    assert all(line.startswith("  ") or "pairs read" in line for line in reports)
    assert set(os.listdir(tmp_path)) == before


def test_a_name_that_is_no_utf8_can_be_told(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture
) -> None:
    name = os.fsdecode(b"\xff.txt")
    assert call("translate", "--model", model, "--input", tmp_path / name) == 2
    assert capsys.readouterr().err.endswith("\\udcff.txt\n")


def test_an_output_keeps_its_old_content_until_the_new_one_is_whole(
    model: Path, tmp_path: Path
) -> None:
    (tmp_path / "in").write_bytes(b"ab\ncd\n" * 3000 + b"\xff\n")  # Wrong in the second window.
    (tmp_path / "out").write_text("old")
    words = ["--input", tmp_path / "in", "--output", tmp_path / "out", "--beam", 1]
    assert call("translate", "--model", model, *words) == 2
    assert (tmp_path / "out").read_text() == "old"
    assert sorted(os.listdir(tmp_path)) == ["in", "out"]


def test_ctrl_c_leaves_nothing_half_written(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    stream = Translator.stream

    def stopped(self: Translator, *arguments: Any, **options: Any) -> Iterator[Any]:
        yield next(stream(self, *arguments, **options))
        raise KeyboardInterrupt

    monkeypatch.setattr(Translator, "stream", stopped)
    (tmp_path / "in").write_text("ab\ncd\n")
    words = ["--input", tmp_path / "in", "--output", tmp_path / "out"]
    assert call("translate", "--model", model, *words) == 130
    assert capsys.readouterr().err.endswith("stopped\n")
    assert os.listdir(tmp_path) == ["in"]


def told(error: BaseException | None = None, warning: str = "") -> object:
    """The status of a program that warns or fails."""
    program = typer.Typer()

    @program.command()
    def fail() -> None:
        if warning:
            warnings.warn(warning, stacklevel=1)
        if error is not None:
            raise error

    with pytest.raises(SystemExit) as left, warnings.catch_warnings():
        warnings.simplefilter("always")
        run(program, ["--"])
    return left.value.code


def test_a_message_of_many_lines_is_told_in_one(capsys: pytest.CaptureFixture) -> None:
    assert told(ValueError("one\n  two\n")) == 2
    assert told(TypeError()) == 2
    assert told(warning="short\nof tokens") == 0
    expected = ["error: one two", "error: TypeError", "warning: short of tokens"]
    assert capsys.readouterr().err.splitlines() == expected


def test_too_little_memory_is_told_in_one_line(capsys: pytest.CaptureFixture) -> None:
    exhausted = type("ResourceExhaustedError", (Exception,), {})
    assert told(MemoryError()) == told(exhausted("OOM for shape[9,9] [Op:Add]\nmore")) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first == "error: there is not enough memory for this. MemoryError"
    assert second == "error: there is not enough memory for this. OOM for shape[9,9]"


def test_a_fault_of_ours_is_no_mistake_of_the_users() -> None:
    program = typer.Typer()

    @program.command()
    def fail() -> None:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        run(program, ["--"])


def test_a_device_is_written_and_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with whole_path(tmp_path / "pipe") as path:
        assert path == tmp_path / "pipe"
    assert (tmp_path / "pipe").is_fifo()
    check_writable(tmp_path / "pipe")


def test_a_link_is_followed_and_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    (tmp_path / "link").symlink_to("file")
    with whole_file(tmp_path / "link") as file:
        file.write("new")
        assert (tmp_path / "file").read_text() == "old"
    assert (tmp_path / "link").is_symlink() and (tmp_path / "file").read_text() == "new"


def test_a_picture_is_written_aside_under_the_same_ending(tmp_path: Path) -> None:
    with whole_path(tmp_path / "plot.svg") as part:
        assert part.suffix == ".svg" and part.parent == tmp_path
        part.write_text("<svg/>")
    assert os.listdir(tmp_path) == ["plot.svg"]


def test_what_needs_no_file_is_always_writable() -> None:
    check_writable(None, Path("-"))
    check_picture(None)

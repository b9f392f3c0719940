"""Constraints and prefixes on the command line of `translate`."""

import io
from pathlib import Path
from typing import Any

import keras
import pytest

from keras_s2s import (
    Constraints,
    Decoder,
    Encoder,
    Greedy,
    LuongAttention,
    Seq2Seq,
    Translator,
    WordTokenizer,
    forbid,
)

from .test_translate import call

LINES = ["a dog runs", "", "dog", "a a"]
PREFIXES = ["ein", "Hund", "", "der ein"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("constraints")
    keras.utils.set_random_seed(1)
    source = WordTokenizer(["a", "dog", "runs"])
    target = WordTokenizer("ein Hund der läuft und".split())
    decoder = Decoder(target.vocabulary_size, 8, attention=LuongAttention(8))
    model = Seq2Seq(Encoder(source.vocabulary_size, 8), decoder)
    model.set_weights([4 * one for one in model.get_weights()])
    Translator(model, source, target, search=Greedy()).save(folder / "model")
    files = {
        "in": LINES,
        "prefix": PREFIXES,
        "short": PREFIXES[:3],
        "long": [*PREFIXES, "ein"],
        "wide": ["", "", " ".join(["ein"] * 50), ""],
        "words": ["Hund", "", "ein der", "unsichtbar"],
        "blank": ["", " "],
        "phrase": ["x" * 100],
    }
    for name, lines in files.items():
        text = "".join(f"{line}\n" for line in lines)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "empty").write_text("")
    (folder / "latin").write_bytes("läuft\n".encode("latin-1") * 4)
    return folder


def test_constraints_and_prefixes_are_those_of_python(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    words = ["--model", folder / "model", "--input", folder / "in", "--prefix", folder / "prefix"]
    words += ["--min-length", 4, "--max-length", 7, "--no-repeat-ngram", 2]
    words += ["--repetition-penalty", 1.5, "--forbid", folder / "words"]
    assert call("translate", *words) == 0
    found = capsys.readouterr().out.splitlines()
    translator = Translator.load(folder / "model")
    tokenizer = translator.target_tokenizer
    constraints = forbid(["Hund", "ein der"], tokenizer, Constraints(4, 2, 1.5))
    assert found == translator.translate(
        LINES, search=Greedy(constraints), prefixes=PREFIXES, maximum_length=7
    )
    assert found != translator.translate(LINES, prefixes=PREFIXES, maximum_length=7)
    assert "Hund" not in " ".join(found) and found[3].startswith("der ein")


def test_prefixes_may_come_from_standard_input(
    folder: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--model", folder / "model", "--input", folder / "in"]
    assert call("translate", *words, "--prefix", folder / "prefix") == 0
    expected = capsys.readouterr().out
    text = io.BytesIO((folder / "prefix").read_bytes())
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(text))
    assert call("translate", *words, "--prefix", "-") == 0
    assert capsys.readouterr().out == expected


MISTAKES = {
    "too few prefixes": ("--prefix {short}", "Received: 3 prefixes for at least 4 texts"),
    "too many prefixes": ("--prefix {long}", "Received: more than 4 prefixes for 4 texts"),
    "no prefix": ("--prefix {empty}", "Received: 0 prefixes for at least 1 texts"),
    "prefixes that are missing": ("--prefix {none}", "No such file or directory: {none}"),
    "prefixes in Latin-1": ("--prefix {latin}", "{latin}"),
    "a prefix over the limit": (
        "--prefix {wide}",
        "Prefix 3 must have fewer tokens than the longest translation of its text, 26, end mark "
        "included. Received: 50 tokens",
    ),
    "words in Latin-1": ("--forbid {latin}", "{latin}"),
    "no words": ("--forbid {blank}", "there is no word in {blank}"),
    "an empty file of words": ("--forbid {empty}", "there is no word in {empty}"),
    "words from standard input": ("--forbid -", "must be in a file. Received: --forbid -"),
    "a phrase that is too long": ("--forbid {phrase}", "must have 1 to 99 characters"),
    "a minimum above the maximum": (
        "--min-length 5 --max-length 4",
        "--min-length must be at most --max-length 4. Received: --min-length 5",
    ),
    "a negative minimum": ("--min-length -1", "--min-length must be from 0 to 1,000,000"),
    "no maximum": ("--max-length 0", "--max-length must be from 1 to 1,000,000"),
    "half an n-gram": ("--no-repeat-ngram 1.5", "Invalid value for '--no-repeat-ngram'"),
    "a large n-gram": ("--no-repeat-ngram 101", "--no-repeat-ngram must be from 0 to 100"),
    "a reward for repetition": ("--repetition-penalty 0.5", "must be at least 1"),
    "an endless penalty": ("--repetition-penalty inf", "must be at most 1e+30"),
    "a penalty that is no number": ("--repetition-penalty nan", "must be at least 1"),
    "output over the prefixes": (
        "--prefix {prefix} --output {prefix}",
        "an output must not be an input as well",
    ),
}


@pytest.mark.parametrize(("words", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line_and_status_2_and_nothing_is_written(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture, words: str, message: str
) -> None:
    names = ["short", "long", "empty", "none", "latin", "wide", "blank", "phrase", "prefix"]
    places: dict[str, Any] = {name: folder / name for name in names}
    output = [] if "--output" in words else ["--output", tmp_path / "out"]
    given = [word.format(**places) for word in words.split()]
    start = ["--model", folder / "model", "--input", folder / "in"]
    assert call("translate", *start, *given, *output) == 2
    error = capsys.readouterr().err
    assert message.format(**places) in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_one_option_alone_reads_standard_input(folder: Path, capsys: pytest.CaptureFixture) -> None:
    assert call("translate", "--model", folder / "model", "--prefix", "-") == 2
    assert "which one option alone can read" in capsys.readouterr().err

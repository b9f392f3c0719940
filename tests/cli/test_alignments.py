"""Alignments on the command line: read with their pairs, and every mistake is one line."""

from pathlib import Path
from typing import Any

import pytest

from keras_s2s.cli import run_training as command

from .conftest import call

PAIRS = [("a b", "x y"), ("", "x"), ("b", "y x y"), ("c" * 5001, "x"), ("a b c", "x")]
LINES = ["0-1 1-0", "7-7", "0-0 0-2", "nothing", " 2-0\r"]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    sources, targets = zip(*PAIRS, strict=True)
    texts = {"sources": sources, "targets": targets, "links": LINES, "short": LINES[:4]}
    texts["tsv"] = tuple("\t".join(pair) for pair in PAIRS)
    texts["wide.tsv"] = ("a b\tx y", "a\tb\tc", "b\ty x y")
    for number, line in enumerate(["0-3", "0-0-0", "1-x", "-0-1"]):
        texts[f"wrong{number}"] = (*LINES[:2], line, *LINES[3:])
    for name, lines in texts.items():
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines))
    return tmp_path


def test_a_pair_that_is_skipped_takes_its_line_with_it(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    given: list[Any] = []

    def train(pairs: Any, valid_pairs: Any, *others: Any, alignments: Any, **more: Any) -> None:
        given.append((pairs, alignments))

    monkeypatch.setattr(command, "train", train)
    words = ["train", "--output", files / "model", "--valid-tsv", files / "tsv"]
    sides = ["--source", files / "sources", "--target", files / "targets"]
    assert call(*words, *sides, "--alignments", files / "links") == 0
    assert call(*words, "--tsv", files / "tsv", "--alignments", files / "links") == 0
    assert given[0] == given[1]
    assert given[0] == ([PAIRS[0], PAIRS[2], PAIRS[4]], ["0-1 1-0", "0-0 0-2", "2-0"])
    assert "5 pairs read, 3 kept, 2 skipped" in capsys.readouterr().err
    (files / "three").write_text("0-0\n5-5\n0-1\n")
    assert call(*words, "--tsv", files / "wide.tsv", "--alignments", files / "three") == 0
    assert given[2] == ([("a b", "x y"), ("b", "y x y")], ["0-0", "0-1"])
    assert call(*words, "--tsv", files / "tsv") == 0
    assert given[3][1] is None


MISTAKES = {
    "too few lines": (
        "--tsv {tsv} --alignments {short}",
        "as many lines as the corpus. Received: {short} with 4, {tsv} with at least 5",
    ),
    "a word that is not there": (
        "--tsv {tsv} --alignments {wrong0}",
        "{wrong0}, line 3: a link must name words that are there. Received: 0-3, with a target",
    ),
    "three numbers": ("--tsv {tsv} --alignments {wrong1}", "{wrong1}, line 3: links must be"),
    "no number": ("--tsv {tsv} --alignments {wrong2}", "Received: '1-x'"),
    "a negative number": ("--tsv {tsv} --alignments {wrong3}", "Received: '-0-1'"),
    "no file": ("--tsv {tsv} --alignments {tsv}x", "No such file or directory"),
    "a prepared corpus": (
        "--prepared {sources} --alignments {links}",
        "a prepared corpus holds none. Received: --alignments with --prepared",
    ),
    "no attention": (
        "--tsv {tsv} --alignments {links} --attention none",
        "Alignments guide the attention. Received: alignments with --attention 'none'",
    ),
    "a weight for nothing": (
        "--tsv {tsv} --guided-alignment-weight 0.5",
        "--guided-alignment-weight needs alignments",
    ),
    "a weight out of range": (
        "--tsv {tsv} --alignments {links} --guided-alignment-weight -1",
        "--guided-alignment-weight must be from 0 to 1000",
    ),
    "standard input for two": (
        "--tsv - --alignments -",
        "The alignments must be a file. Received: standard input",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_status_2(
    mistake: str, files: Path, capsys: pytest.CaptureFixture
) -> None:
    names = {path.name: path for path in files.iterdir()}
    line, message = MISTAKES[mistake]
    words = [word.format_map(names) for word in line.split()]
    valid = ["--valid-tsv", files / "tsv", "--output", files / "model"]
    assert call("train", *words, *valid) == 2
    *reports, told, end = capsys.readouterr().err.split("\n")
    assert told.startswith("error: ") and message.format_map(names) in told and end == ""
    assert all("pairs read" in line or line[:2] == "  " for line in reports)
    assert {path.name for path in files.iterdir()} == set(names)

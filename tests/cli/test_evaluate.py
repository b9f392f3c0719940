"""The commands that score, with answers of any program and with a model."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from keras_s2s import CharacterTokenizer, Decoder, Encoder, LuongAttention, Seq2Seq, Translator
from keras_s2s.evaluation.likelihood import likelihood
from keras_s2s.evaluation.scores import score as score_texts
from keras_s2s.export.artifact import EXPORT, MANIFEST

from .conftest import call

SOURCES = ["ab", "ab", "c", "ab"]
TARGETS = ["b a", "a b", "c", "b b"]


def figures(folder: Path, *words: object) -> dict[str, Any]:
    assert call(*words, "--json", folder / "figures.json") == 0
    return json.loads((folder / "figures.json").read_bytes())


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "model"
    tokenizer = CharacterTokenizer.train(["abc abc"])
    size = tokenizer.vocabulary_size
    network = Seq2Seq(Encoder(size, 16), Decoder(size, 16, attention=LuongAttention(16)))
    Translator(network, tokenizer, tokenizer).save(folder)
    return folder


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with texts that answers are scored against."""
    texts = {"sources": SOURCES, "targets": TARGETS, "others": ["a b", "b a", "d", "x"]}
    texts |= {"answers": ["b a", "x", "d", "b b"], "grouped": ["a b", "d"], "none": []}
    texts["tsv"] = [f"{a}\t{b}" for a, b in zip(SOURCES, TARGETS, strict=True)]
    for name, lines in texts.items():
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines))
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / MANIFEST).write_text(json.dumps({"format": EXPORT.form}))
    return tmp_path


def test_answers_of_any_program_are_scored_as_the_library_scores_them(
    files: Path, capsys: pytest.CaptureFixture
) -> None:
    words = ["score", "--answers", files / "answers", "--target", files / "targets"]
    found = figures(files, *words, "--language", "ko")
    assert found == score_texts(["b a", "x", "d", "b b"], TARGETS, language="ko").to_dict()
    assert found["exact_match"] == 0.5
    captured = capsys.readouterr()
    assert f"rouge_1: {found['rouge_1']:.4f}\n" in captured.out
    assert "by source length" not in captured.out


def test_answers_have_any_of_several_targets(files: Path) -> None:
    words = ["score", "--answers", files / "answers", "--target", files / "targets"]
    assert figures(files, *words, "--target", files / "others")["exact_match"] == 0.75


def test_answers_to_grouped_sources_are_scored_one_for_each_source(files: Path) -> None:
    words = ["score", "--answers", files / "grouped", "--group"]
    sides = ["--source", files / "sources", "--target", files / "targets"]
    found = figures(files, *words, *sides)
    assert (found["sentences"], found["exact_match"]) == (2, 0.5)
    assert figures(files, *words, "--tsv", files / "tsv") == found


def test_what_evaluate_wrote_scores_as_evaluate_said(model: Path, files: Path) -> None:
    sides = ["--source", files / "sources", "--target", files / "targets", "--group"]
    said = figures(files, "evaluate", "--model", model, *sides, "--output", files / "written")
    found = figures(files, "score", "--answers", files / "written", *sides)
    assert found == {name: said[name] for name in found}


def test_a_blank_answer_counts_and_what_was_mended_is_told(
    files: Path, capsys: pytest.CaptureFixture
) -> None:
    (files / "answers").write_bytes(b"b a\r\n\r\nc\r\nb b\r\n")
    words = ["score", "--answers", files / "answers", "--target", files / "targets"]
    assert figures(files, *words)["exact_match"] == 0.75
    assert "CRLF, 4 cleaned" in capsys.readouterr().err


@pytest.mark.slow  # Traces two more graphs: 5 s.
def test_perplexity_is_told_where_it_is_asked_for(
    model: Path, files: Path, capsys: pytest.CaptureFixture
) -> None:
    words = ["evaluate", "--model", model, "--tsv", files / "tsv"]
    assert "perplexity" not in figures(files, *words)
    capsys.readouterr()
    found = figures(files, *words, "--perplexity")
    expected = likelihood(Translator.load(model), SOURCES, TARGETS).to_dict()
    assert {name: found[name] for name in expected} == pytest.approx(expected)
    assert f"perplexity: {found['perplexity']:.4f}\n" in capsys.readouterr().out
    grouped = figures(files, *words, "--perplexity", "--group")
    assert grouped["sentences"] == 2 and grouped["target_tokens"] == found["target_tokens"]
    assert grouped["perplexity"] == pytest.approx(found["perplexity"])


MISTAKES = {
    "no answers": ("score --target {targets}", "Missing option '--answers'"),
    "no references": ("score --answers {answers}", "give --target, or --tsv"),
    "no sources to group by": (
        "score --answers {answers} --target {targets} --group",
        "with --group --source and --target",
    ),
    "too few answers": (
        "score --answers {grouped} --target {targets}",
        "--answers must have one line for each sentence to score, 4. Received: {grouped} with 2",
    ),
    "an answer to each line of a group": (
        "score --answers {answers} --tsv {tsv} --group",
        "one line for each sentence to score, 2. Received: {answers} with 4 lines",
    ),
    "a short second target": (
        "score --answers {answers} --target {targets} --target {grouped}",
        "--target must have one line for each sentence to score, 4. Received: {grouped} with 2",
    ),
    "an export for its perplexity": (
        "evaluate --model {export} --tsv {tsv} --perplexity",
        "--perplexity needs one model, the one that was trained. Received: an export: {export}",
    ),
    "several models for their perplexity": (
        "evaluate --model {tsv} --model {answers} --tsv {tsv} --perplexity",
        "the one that was trained. Received: several: {tsv}, {answers}",
    ),
    "nothing at all": ("score --answers {none} --target {none}", "there is no line in {none}"),
    "no file": ("score --answers {none}x --target {targets}", "No such file or directory"),
    "a language of no code": (
        "score --answers {answers} --target {targets} --language ../de",
        "--language must be a code such as en or de",
    ),
    "figures over the answers": (
        "score --answers {answers} --target {targets} --json {answers}",
        "an output must not be an input as well. Received: {answers} for both",
    ),
    "answers over the targets": (
        "evaluate --model {export} --tsv {tsv} --output {tsv}",
        "an output must not be an input as well. Received: {tsv} for both",
    ),
    "standard input for two": (
        "score --answers - --target -",
        "- is standard input, which one option alone can read",
    ),
    "no folder for figures": (
        "score --answers {answers} --target {targets} --json {none}x/y",
        "No such file or directory",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_status_2(
    mistake: str, files: Path, capsys: pytest.CaptureFixture
) -> None:
    before = set(os.listdir(files))
    names = {name: files / name for name in before}
    line, message = MISTAKES[mistake]
    assert call(*(word.format_map(names) for word in line.split())) == 2
    *reports, error, end = capsys.readouterr().err.split("\n")
    assert error.startswith("error: ") and message.format_map(names) in error
    assert end == "" and all("pairs read" in line or line[:2] == "  " for line in reports)
    assert set(os.listdir(files)) == before

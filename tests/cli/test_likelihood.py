"""The command that tells how probable given translations are."""

import io
import lzma
import math
import sys
from pathlib import Path

import numpy as np
import pytest

from keras_s2s import CharacterTokenizer, Decoder, Encoder, LuongAttention, Seq2Seq, Translator
from keras_s2s.evaluation.likelihood import pair_likelihoods

from .conftest import call

PAIRS = [("ab", "b a"), ("", "a"), ("cab", ""), ("c", "c?c"), ("abcabc", "cba")]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "model"
    tokenizer = CharacterTokenizer.train(["abc abc"])
    size = tokenizer.vocabulary_size
    network = Seq2Seq(Encoder(size, 8), Decoder(size, 8, attention=LuongAttention(8)))
    generator = np.random.default_rng(1)
    weights = [generator.normal(size=one.shape) for one in network.get_weights()]
    network.set_weights(weights)
    Translator(network, tokenizer, tokenizer, maximum_source_length=5).save(folder)
    return folder


@pytest.fixture
def files(tmp_path: Path) -> Path:
    sources, targets = zip(*PAIRS, strict=True)
    texts = {"sources": sources, "targets": targets, "short": sources[:2], "none": ()}
    texts["tsv"] = tuple(f"x\t{target}\t{source}" for source, target in PAIRS)
    for name, lines in texts.items():
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines))
    return tmp_path


def expected_lines(model: Path, count: int = 1) -> list[str]:
    translator = Translator.ensemble([Translator.load(model)] * count)
    found = pair_likelihoods(translator, PAIRS)
    return [f"{one.log_probability:.4f}\t{one.tokens}\t{one.perplexity:.4f}" for one in found]


@pytest.mark.filterwarnings("ignore:Source 5 was cut")
def test_each_pair_has_its_line_and_the_corpus_its_total(
    model: Path, files: Path, capsys: pytest.CaptureFixture
) -> None:
    expected = expected_lines(model)
    capsys.readouterr()
    words = ["likelihood", "--model", model]
    sides = ["--source", files / "sources", "--target", files / "targets"]
    assert call(*words, *sides) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == expected
    rows = [line.split("\t") for line in expected]
    total, tokens = sum(float(row[0]) for row in rows), sum(int(row[1]) for row in rows)
    told = err.splitlines()
    assert any("source: empty side, 1 kept (line 2)" in line for line in told)
    head, _, perplexity = told[-1].rpartition(" ")
    assert head.startswith(f"5 pairs, {tokens} target tokens, 1 of them unknown: log-probability")
    assert float(perplexity) == pytest.approx(math.exp(-total / tokens), abs=1e-3)
    assert call(*words, "--tsv", files / "tsv", "--columns", "3,2", "--output", files / "o") == 0
    assert (files / "o").read_text().splitlines() == expected


@pytest.mark.filterwarnings("ignore:Source 5 was cut")
def test_several_models_are_an_ensemble_and_standard_input_is_a_side(
    model: Path, files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    given = lzma.compress((files / "targets").read_bytes())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
    words = ["likelihood", "--model", model, "--model", model]
    assert call(*words, "--source", files / "sources", "--target", "-") == 0
    found = [float(line.split("\t")[0]) for line in capsys.readouterr().out.splitlines()]
    alone = [float(line.split("\t")[0]) for line in expected_lines(model)]
    assert found == pytest.approx(alone, abs=2e-4)


MISTAKES = {
    "one side": ("--source {sources}", "give --source and --target, or --tsv"),
    "lines of another number": (
        "--source {sources} --target {short}",
        "must have the same number of lines",
    ),
    "no pair": ("--source {none} --target {none}", "there is no pair in {none}"),
    "a long source": (
        "--source {sources} --target {targets} --strict",
        "Source 5 must have at most 5 tokens, end mark included. Received: 7 tokens",
    ),
    "an output over an input": (
        "--source {sources} --target {targets} --output {targets}",
        "an output must not be an input as well",
    ),
    "columns of no file": (
        "--source {sources} --target {targets} --columns 1,2",
        "--columns goes with a tab-separated file",
    ),
    "standard input for two": (
        "--source - --target -",
        "standard input can be one of the two files, not both",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_status_2(
    mistake: str, model: Path, files: Path, capsys: pytest.CaptureFixture
) -> None:
    names = {path.name: path for path in files.iterdir()}
    line, message = MISTAKES[mistake]
    words = [word.format_map(names) for word in line.split()]
    words += [] if "--output" in words else ["--output", str(files / "found")]
    assert call("likelihood", "--model", model, *words) == 2
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith("error: ") and message.format_map(names) in told
    assert {path.name for path in files.iterdir()} == set(names)

"""Tags, samples and minimum Bayes risk on the command line."""

import json
import re
from pathlib import Path
from typing import Any

import keras
import pytest

from keras_s2s import (
    Beam,
    Decoder,
    Encoder,
    LuongAttention,
    Sample,
    Seq2Seq,
    Translator,
    WordTokenizer,
)
from keras_s2s.evaluation.mbr import minimum_bayes_risk
from keras_s2s.export.artifact import EXPORT
from keras_s2s.inference.tags import with_tag

from .conftest import call

LINES = ["a dog runs", "", "dog, a", "runs runs"]
TAGS = ["<2de>", "<2fr>"]
TINY = """--units 8 --embedding-dimension 8 --epochs 1 --batch-tokens 200 --ema-momentum 0
    --dropout 0 --subword-sampling 0""".split()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, and lines for it in the file `in`."""
    folder = tmp_path_factory.mktemp("tags")
    keras.utils.set_random_seed(7)
    source = WordTokenizer.train(["a dog runs"], protected=TAGS)
    target = WordTokenizer.train(["ein Hund rennt dort ."])
    sizes = source.vocabulary_size, target.vocabulary_size
    model = Seq2Seq(Encoder(sizes[0], 8), Decoder(sizes[1], 8, attention=LuongAttention(8)))
    model.set_weights([4 * one for one in model.get_weights()])
    Translator(model, source, target, maximum_source_length=20).save(folder / "model")
    (folder / "in").write_text("".join(f"{line}\n" for line in LINES))
    (folder / "in.tsv").write_text("".join(f"{line}\tein Hund\n" for line in LINES if line))
    return folder


@pytest.fixture(scope="module")
def translator(folder: Path) -> Translator:
    return Translator.load(folder / "model")


def told(folder: Path, capsys: pytest.CaptureFixture, *words: object) -> list[str]:
    """The lines that `translate` writes."""
    given = ["--model", folder / "model", "--input", folder / "in", *words]
    assert call("translate", *given) == 0
    return capsys.readouterr().out.splitlines()


def test_the_tag_stands_before_every_line(
    folder: Path, translator: Translator, capsys: pytest.CaptureFixture
) -> None:
    tagged = {tag: list(with_tag(LINES, tag, translator.source_tokenizer)) for tag in TAGS}
    expected = {tag: translator.translate(lines) for tag, lines in tagged.items()}
    assert {tag: told(folder, capsys, "--tag", tag) for tag in TAGS} == expected
    assert expected["<2de>"] != expected["<2fr>"]
    words = ["--model", folder / "model", "--tsv", folder / "in.tsv", "--tag", "<2fr>"]
    words += ["--output", folder / "answers", "--json", folder / "json", "--perplexity"]
    assert call("evaluate", *words) == 0
    answers = (folder / "answers").read_text().splitlines()
    assert answers == [text for line, text in zip(LINES, expected["<2fr>"], strict=True) if line]
    with_one = json.loads((folder / "json").read_text())["perplexity"]
    assert call("evaluate", *words[:4], *words[8:]) == 0
    assert json.loads((folder / "json").read_text())["perplexity"] != with_one


def test_samples_are_drawn_as_in_python(
    folder: Path, translator: Translator, capsys: pytest.CaptureFixture
) -> None:
    search = Sample(temperature=0.7, top_k=5, top_p=0.9, seed=3)
    words = "--sample --temperature 0.7 --top-k 5 --top-p 0.9 --seed 3".split()
    found = told(folder, capsys, *words, "--n-best", 3, "--window", 1)
    rows = enumerate(translator.stream(LINES, search=search, n_best=3), 1)
    assert found == [f"{number}\t{one.text}" for number, row in rows for one in row]
    assert found == told(folder, capsys, *words, "--n-best", 3)
    first = [row[0].text for row in translator.stream(LINES, search=Sample())]
    assert (
        told(folder, capsys, "--sample") == first != told(folder, capsys, "--sample", *words[-2:])
    )


@pytest.mark.parametrize("sample", [True, False], ids=["samples", "beam"])
def test_the_candidate_with_the_highest_expected_utility_is_written(
    sample: bool, folder: Path, translator: Translator, capsys: pytest.CaptureFixture
) -> None:
    words = ["--sample", "--seed", 5, "--temperature", 1.5] if sample else ["--length-penalty", 0]
    search = Sample(seed=5, temperature=1.5) if sample else Beam(6, length_penalty=0.0)
    candidates = translator.stream(LINES, search=search, n_best=6)
    rows = list(minimum_bayes_risk(candidates, n_best=2, by_probability=not sample))
    expected = [f"{n}\t{one.score:.4f}\t{one.text}" for n, row in enumerate(rows, 1) for one in row]
    assert told(folder, capsys, *words, "--mbr", 6, "--n-best", 2, "--scores") == expected
    assert told(folder, capsys, *words, "--mbr", 6) == [row[0].text for row in rows]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--tag <2xx>", "A tag must be one token.*--tag '<2xx>'.*protected symbols: <2de>, <2fr>"),
        ("--tag ''", "A tag must be one token"),
        ("--temperature 0.5", "--temperature needs --sample. Received: 0.5"),
        ("--top-k 5", "--top-k needs --sample"),
        ("--seed 5", "--seed needs --sample"),
        ("--sample --beam 3", "--beam belongs to beam search. Received: --beam 3 with --sample"),
        ("--sample --length-penalty 0", "--length-penalty belongs to beam search"),
        ("--sample --temperature 0", "--temperature must be positive"),
        ("--sample --temperature nan", "--temperature must be positive"),
        ("--sample --temperature inf", "temperature must be above 0 and finite"),
        ("--sample --top-k 0", "--top-k must be from 1 to"),
        ("--sample --top-p 1.5", "--top-p must be above 0 and at most 1"),
        ("--sample --seed -1", "--seed must be from 0 to"),
        ("--sample --seed x", "error: Invalid value for '--seed'"),
        ("--mbr 0", "--mbr must be from 1 to 1000"),
        ("--mbr 3 --n-best 4", "--n-best must be at most.*--n-best 4, --mbr 3"),
        ("--mbr 6 --beam 5", "--beam must be at least.*--beam 5, --mbr 6"),
    ],
)
def test_a_contradiction_is_one_line_and_nothing_is_written(
    words: str, message: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    given = ["--model", folder / "model", "--input", folder / "in", "--output", tmp_path / "out"]
    more = [word.strip("'") for word in words.split()]
    assert call("translate", *given, *more) == 2
    error = capsys.readouterr().err
    assert re.search(message, error), error
    assert error.count("\n") == 1 and list(tmp_path.iterdir()) == []


@pytest.mark.slow  # Another export: 7 s.
def test_an_export_says_in_one_line_that_it_does_not_sample(
    folder: Path, translator: Translator, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    pytest.importorskip("tf2onnx", reason="tf2onnx is not installed.")
    from keras_s2s import export

    export.onnx(translator, tmp_path / "onnx", samples=["a dog"])
    assert EXPORT.is_in(tmp_path / "onnx")
    words: list[Any] = ["--model", tmp_path / "onnx", "--input", folder / "in"]
    assert call("translate", *words, "--sample") == 2
    assert "An export decodes by greedy or beam search." in capsys.readouterr().err
    assert call("translate", *words, "--mbr", 4, "--tag", "<2de>") == 0
    found = capsys.readouterr().out.splitlines()
    assert found == told(folder, capsys, "--mbr", 4, "--tag", "<2de>")


def test_train_keeps_protected_symbols(tmp_path: Path) -> None:
    pairs = [
        f"<2de> {word}{k}\t<num> {word[::-1]}" for k in range(9) for word in ("ab", "cdé", "ba")
    ]
    (tmp_path / "tsv").write_text("".join(f"{pair}\n" for pair in pairs), encoding="utf-8")
    words = ["--tsv", tmp_path / "tsv", "--valid-tsv", tmp_path / "tsv", *TINY]
    words += ["--source-tokenizer", "character", "--target-tokenizer", "word"]
    words += ["--protect", "<2de>", "--protect", "<num>"]
    assert call("train", *words, "--output", tmp_path / "model") == 0
    recipe = json.loads((tmp_path / "model" / "recipe.json").read_text())
    assert recipe["protect"] == ["<2de>", "<num>"]
    saved = Translator.load(tmp_path / "model")
    for tokenizer in (saved.source_tokenizer, saved.target_tokenizer):
        assert tokenizer.protected == ("<2de>", "<num>")
        assert "<num>" in tokenizer.pieces(tokenizer.encode("ab<num>"))


@pytest.mark.parametrize(
    ("symbol", "message"),
    [("a b", "without blanks"), ("", "without blanks"), ("<2de>", "'<2de>' twice")],
)
def test_a_symbol_that_cannot_be_is_one_line(
    symbol: str, message: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    words = ["--tsv", folder / "in.tsv", "--valid-tsv", folder / "in.tsv", *TINY]
    words += ["--protect", "<2de>", "--protect", symbol, "--output", tmp_path / "model"]
    assert call("train", *words) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1 and list(tmp_path.iterdir()) == []

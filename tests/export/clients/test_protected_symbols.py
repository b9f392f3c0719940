"""Protected symbols are the same tokens in Python, TensorFlow, the page and Java."""

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from keras_s2s import CharacterTokenizer, SentencePieceTokenizer, WordTokenizer
from keras_s2s.export.artifact import save_tokenizer
from keras_s2s.inference.tags import with_tag
from keras_s2s.text.normalization import without_surrogates

from ...budget import first
from .conftest import TEXT, node, random_lines, run_program

# Symbols of punctuation and of letters, beginnings of others, marks of regular expressions, and
# text that normalization would change.
SYMBOLS = ["<2de>", "<2de>x", "<num>", "(.*)$1\\", "fox", "x", "%", "▁tag▅", "①", "e\u0301", "👍🏽"]


def lines_with_symbols() -> list[str]:
    """Lines of every kind with symbols inside: alone, side by side, with and without blanks."""
    generator = random.Random(7)
    parts = [*SYMBOLS, *SYMBOLS, " ", " ", ".", "(", "\u0301", "\u0338", "ａ", "＜2de＞", "a"]

    def line(text: str) -> str:
        pieces = [generator.choice(parts) for _ in range(generator.choice((1, 2, 5)))]
        return "".join(text[:k] + piece for piece in pieces for k in [generator.randrange(9)])

    return [*SYMBOLS, *(line(text) + text for text in random_lines(2_500)[:2_500])]


LINES = [without_surrogates(line) for line in lines_with_symbols()]
KINDS: dict[str, Callable[[], Any]] = {
    "sentencepiece": lambda: SentencePieceTokenizer.train(
        TEXT * 3, normalization="NFKC", protected=SYMBOLS
    ),
    "words": lambda: WordTokenizer.train(TEXT, protected=SYMBOLS),
    "blanks": lambda: WordTokenizer.train(TEXT, split_punctuation=False, protected=SYMBOLS),
    "characters": lambda: CharacterTokenizer.train(TEXT, normalization="NFD", protected=SYMBOLS),
}


@pytest.fixture(scope="module", params=first(2, KINDS))
def case(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Any, Path, list[dict[str, Any]]]:
    """A tokenizer, its folder, and what Python makes of the lines."""
    tokenizer = KINDS[request.param]()
    folder = tmp_path_factory.mktemp("tokenizer")
    save_tokenizer(tokenizer, folder)
    found = [(ids, tokenizer.decode(ids)) for ids in tokenizer.encode_all(LINES)]
    expected = [{"ids": ids, "text": text, "pieces": tokenizer.pieces(ids)} for ids, text in found]
    return tokenizer, folder, expected


def check(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    wrong = [i for i, (a, b) in enumerate(zip(found, expected, strict=True)) if a != b]
    shown = [(ascii(LINES[i]), str(found[i])[:200], str(expected[i])[:200]) for i in wrong[:3]]
    assert not wrong, f"{len(wrong)} lines differ: {shown}"


@pytest.mark.skipif(sys.platform != "linux", reason="tensorflow-text has no wheels for this system")
def test_tensorflow_finds_pythons_symbols(case: tuple[Any, Path, list[dict[str, Any]]]) -> None:
    tokenizer, _, expected = case
    found = []
    for first_line in range(0, len(LINES), 250):  # All at once would take half a gigabyte.
        rows = tokenizer.tokenize(LINES[first_line : first_line + 250])
        texts = [text.decode() for text in tokenizer.detokenize(rows).numpy()]
        pairs = zip(rows.to_list(), texts, strict=True)
        found += [{"ids": i, "text": text, "pieces": tokenizer.pieces(i)} for i, text in pairs]
    check(found, expected)


def test_the_page_finds_pythons_symbols(case: tuple[Any, Path, list[dict[str, Any]]]) -> None:
    _, folder, expected = case
    check(run_program(node("tokenize", str(folder)), LINES), expected)


def test_java_finds_pythons_symbols(
    java_classes: Path, case: tuple[Any, Path, list[dict[str, Any]]]
) -> None:
    _, folder, expected = case
    command = ["java", "-cp", str(java_classes), "kerass2s.Tokenize", str(folder)]
    check(run_program(command, LINES), expected)


@pytest.mark.parametrize("client", ["page", "java"])
def test_clients_put_tags_before_texts_as_python_does(
    client: str,
    case: tuple[Any, Path, list[dict[str, Any]]],
    request: pytest.FixtureRequest,
) -> None:
    tokenizer, folder, _ = case
    if client == "page":
        command = node("tokenize", str(folder))
    else:
        classes = request.getfixturevalue("java_classes")
        command = ["java", "-cp", str(classes), "kerass2s.Tokenize", str(folder)]
    texts = [*LINES[:50], "", " \t"]
    found = run_program([*command, "<num>"], texts)
    expected = tokenizer.encode_all(with_tag(texts, "<num>", tokenizer))
    assert [one["ids"] for one in found] == expected
    for wrong in ("<2xx>", "<num><num>", ""):
        failed = subprocess.run([*command, wrong], input='["a"]', capture_output=True, text=True)
        assert failed.returncode and f"{wrong} is no token of the model" in failed.stderr

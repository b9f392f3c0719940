"""The tokenizers of the page and of Java give Python's ids and texts, whatever the line."""

import itertools
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from keras_s2s import (
    CharacterTokenizer,
    SentencePieceTokenizer,
    WordTokenizer,
    extend_tokenizer,
)
from keras_s2s.export.artifact import save_tokenizer
from keras_s2s.text.normalization import (
    NEWER_CHARACTERS,
    NORMALIZATION_FORMS,
    without_surrogates,
)
from keras_s2s.text.sentencepiece_model import model_message

from .conftest import JAVA, TEXT, node, random_lines, run_program

LINES = random_lines(10_000)


def with_holes(form: str) -> SentencePieceTokenizer:
    """SentencePiece with letters known in longer pieces only, and sums that are nearly even."""
    model = model_message().FromString(SentencePieceTokenizer.train(TEXT * 3).model)
    kept = [piece for piece in model.pieces if piece.piece not in set("eno다ت")]
    for piece in kept:
        piece.score = -len(piece.piece) + (len(piece.piece) == 1) / 256
    del model.pieces[:]
    model.pieces.extend(kept)
    return SentencePieceTokenizer(model.SerializeToString(), normalization=form)


def extended(form: str) -> SentencePieceTokenizer:
    """A model of half of the text, to which the pieces of all of it were appended."""
    half = SentencePieceTokenizer.train(TEXT[::2] * 3, normalization=form)
    found = extend_tokenizer(half, TEXT * 3)
    assert isinstance(found, SentencePieceTokenizer)
    assert found.vocabulary_size > half.vocabulary_size
    return found


KINDS: dict[str, Callable[[str], Any]] = {
    "sentencepiece": lambda form: SentencePieceTokenizer.train(TEXT * 3, normalization=form),
    "holes": with_holes,
    "extended": extended,
    "words": lambda form: WordTokenizer.train(TEXT, normalization=form),
    "blanks": lambda form: WordTokenizer.train(TEXT, normalization=form, split_punctuation=False),
    "characters": lambda form: CharacterTokenizer.train(TEXT, normalization=form),
}


# A text is normalized before it is split: each kind, and each form, once.
PAIRS = {
    ("sentencepiece", "NFKC"),
    ("words", "NFD"),
    ("blanks", "NFC"),
    ("characters", "NFD"),
}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(pair, id="-".join(pair), marks=[] if pair in PAIRS else pytest.mark.slow)
        for pair in itertools.product(KINDS, NORMALIZATION_FORMS)
    ],
)
def case(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[dict[str, Any]]]:
    """A tokenizer's folder, and what Python makes of the lines."""
    kind, form = request.param
    tokenizer = KINDS[kind](form)
    folder = tmp_path_factory.mktemp("tokenizer")
    save_tokenizer(tokenizer, folder)
    expected = []
    for line in map(without_surrogates, LINES):
        ids = tokenizer.encode(line)
        text, pieces = tokenizer.decode(ids), tokenizer.pieces(ids)
        expected.append({"ids": ids, "text": text, "pieces": pieces})
    return folder, expected


def check(found: Sequence[Any], expected: Sequence[Any]) -> None:
    assert len(found) == len(expected) == 10_000
    wrong = [i for i, (a, b) in enumerate(zip(found, expected, strict=True)) if a != b]
    shown = [(ascii(LINES[i][:50]), str(found[i])[:200], str(expected[i])[:200]) for i in wrong[:3]]
    assert not wrong, f"{len(wrong)} lines differ: {shown}"


def test_the_page_gives_pythons_ids_and_texts(case: tuple[Path, list]) -> None:
    folder, expected = case
    check(run_program(node("tokenize", str(folder)), LINES), expected)


def test_java_gives_pythons_ids_and_texts(java_classes: Path, case: tuple[Path, list]) -> None:
    folder, expected = case
    command = ["java", "-cp", str(java_classes), "kerass2s.Tokenize", str(folder)]
    check(run_program(command, LINES), expected)


def test_java_leaves_the_same_newer_characters_alone() -> None:
    """A JVM that does not know them yet could not show the difference."""
    source = (JAVA / "kerass2s" / "Normalization.java").read_text(encoding="ascii")
    written = source[source.index("NEWER =") : source.index("private final Normalizer.Form form")]
    ranges = re.findall(
        r"\\\\(?:u|x{)(\w+)}?(?:-\\\\(?:u|x{)(\w+)}?)?", re.sub(r'"\s*\+\s*"', "", written)
    )
    found = {code for a, b in ranges for code in range(int(a, 16), int(b or a, 16) + 1)}
    assert found == {code for a, b in NEWER_CHARACTERS for code in range(a, b + 1)}

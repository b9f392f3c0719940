"""Any text is translated: all of Unicode, controls, halves of characters, lines without end."""

import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import pytest

from keras_s2s import (
    CharacterTokenizer,
    Decoder,
    Encoder,
    Greedy,
    LuongAttention,
    SentencePieceTokenizer,
    Seq2Seq,
    Translator,
    WordTokenizer,
)

from ..budget import first

LINES = ["the dog, runs", "개가 달린다", "naïve café …"]
SOURCES: dict[str, Any] = {
    "pieces": SentencePieceTokenizer.train(LINES),
    "words": WordTokenizer.train(LINES, normalization="NFKC"),
    "characters": CharacterTokenizer.train(LINES, normalization="NFD"),
}


@pytest.fixture(params=first(1, SOURCES), scope="module")
def translator(request: pytest.FixtureRequest) -> Iterator[Translator]:
    keras.utils.set_random_seed(1)
    source, target = SOURCES[request.param], SOURCES["pieces"]
    decoder = Decoder(target.vocabulary_size, 8, attention=LuongAttention(8))
    model = Seq2Seq(Encoder(source.vocabulary_size, 8), decoder)
    yield Translator(model, source, target, search=Greedy(), maximum_source_length=70)


def answers(translator: Translator, texts: list[str]) -> list[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of lines that are cut.
        return translator.translate(texts, maximum_length=3, replace_unknown=True)


def test_every_block_of_unicode_is_translated(translator: Translator) -> None:
    texts = ["".join(map(chr, range(first, first + 64, 5))) for first in range(0, 0x110000, 128)]
    found = answers(translator, texts)
    assert len(found) == len(texts) == 8704
    assert all(answer.encode() and "\n" not in answer for answer in found)


def test_controls_marks_and_halves_do_no_harm(translator: Translator) -> None:
    texts = [f"a{chr(code)}b{chr(code)}" for code in (*range(32), *range(127, 160), 0xFEFF, 0x202E)]
    texts += [
        "\0",
        "\r\n",
        "\ud800",
        "\udc00\ud800",
        "e" + "\u0301" * 5000,
        "\u200d" * 500,
        "\x1b[2J",
    ]
    found = answers(translator, texts)
    assert len(found) == len(texts)
    assert not any(set(map(ord, answer)) & {*range(32), *range(127, 160)} for answer in found)


@pytest.mark.parametrize("text", ["a", "a ", ",", "한", "가\u0301", "\U0001f469\u200d", "▁", "▅ "])
def test_a_megabyte_in_one_line_is_cut_and_answered_as_its_beginning(
    translator: Translator, text: str
) -> None:
    line = text * (2**20 // len(text.encode()))
    assert answers(translator, [line]) == answers(translator, [line[:2000]])


@pytest.mark.slow  # 100,000 lines: two minutes.
def test_time_is_linear_and_memory_flat_in_lines_and_in_a_line() -> None:
    program = Path(__file__).parents[1] / "benchmarks" / "any_input.py"
    done = subprocess.run([sys.executable, program], check=True, capture_output=True, text=True)
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines() if "line" in line]
    found = {name: (float(used), float(size.replace(",", ""))) for name, _, used, size in rows}
    assert len(found) == 8
    few, many = found["10,000 lines"], found["100,000 lines"]
    assert many[0] < 15 * few[0] and many[1] < 1.2 * few[1]
    assert all(memory < 2048 for _, memory in found.values())

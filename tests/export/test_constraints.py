"""Exported translators keep constraints and prefixes as the translator does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from keras_s2s import Beam, Constraints, Greedy, Translator, export

from ..budget import first
from .conftest import make_translator

RUNNERS = {
    "litert": "LiteRTTranslator",
    "onnx": "OnnxTranslator",
    "saved_model": "SavedModelTranslator",
}
TEXTS = ["abc", "", "dead beef", "한국 é", "j"]
PREFIXES = ["", "a", "b é", "?", "한"]
RULES = Constraints(5, 2, 1.3, ((4, 5), (2, 6)), (5,))


@pytest.fixture(scope="module")
def translator() -> Translator:
    return make_translator(input_feeding=True)


@pytest.mark.parametrize("form", first(2, RUNNERS))
def test_an_export_finds_what_the_translator_finds(
    form: str, translator: Translator, exported_as: Callable[[str], Path]
) -> None:
    if form == "onnx":
        pytest.importorskip("tf2onnx", reason="tf2onnx is not installed.")
    runner: Any = getattr(export, RUNNERS[form])(exported_as(form))
    for search in (Greedy(RULES), Beam(3, constraints=RULES)):
        given = {"search": search, "prefixes": PREFIXES, "maximum_length": 12}
        expected = [best for best, *_ in translator.stream(TEXTS, **given)]
        found = [best for best, *_ in runner.stream(TEXTS, **given)]
        assert [one.target_pieces for one in found] == [one.target_pieces for one in expected]
        for mine, theirs in zip(found, expected, strict=True):
            assert mine.score == pytest.approx(theirs.score, abs=1e-3)
            assert mine.log_probability == pytest.approx(theirs.log_probability, abs=1e-3)
    assert found[2].text.startswith("b é") and found[1].text == ""

"""Every kind of model goes into every format, and answers there as the translator does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ai_edge_litert", reason="LiteRT's runtime is not installed.")
pytest.importorskip("tf2onnx", reason="tf2onnx is not installed.")
pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed.")
pytest.importorskip("tensorflow_serving", reason="tensorflow-serving-api is not installed.")
pytest.importorskip("tensorflow_text", reason="tensorflow-text is not installed.")

from keras_s2s import Beam, Translator, export

from .conftest import SAMPLE

TEXTS = ["abc", "한국 é", "", "j", "hhhhhhhhhhhh", "gab"]
FORMATS: dict[str, tuple[Callable[..., dict[str, Any]], Callable[..., Any], dict[str, Any]]] = {
    "litert": (export.litert, export.LiteRTTranslator, {"lengths": (16,)}),
    "onnx": (export.onnx, export.OnnxTranslator, {}),
    "saved_model": (export.saved_model, export.SavedModelTranslator, {}),
}


def check_export(form: str, translator: Translator, folder: Path) -> None:
    write, runner, options = FORMATS[form]
    manifest = write(translator, folder, samples=TEXTS, **options)
    assert {found["share"] for found in manifest["parity"].values()} == {1.0}
    if form == "saved_model":
        sizes = manifest["bytes"]
        assert sizes["weights"] < sizes["variables"] < sizes["weights"] + 10_000  # Not twice.
        assert manifest["oldest_serving"] == "2.12"
        has_attention = translator.model.decoder.attention is not None
        assert ("align" in manifest["signatures"]) == has_attention
    alone = runner(folder)
    for beam_size in (1, 3):
        found, expected = (one.stream(TEXTS, search=Beam(beam_size)) for one in (alone, translator))
        for ours, theirs in zip(found, expected, strict=True):
            assert ours[0].target_pieces == theirs[0].target_pieces


@pytest.mark.slow  # 10 s each, a SavedModel 25 s; each format has tests of its own.
@pytest.mark.parametrize("shape", SAMPLE, ids=str)
@pytest.mark.parametrize("form", FORMATS)
def test_every_kind_of_model_exports_and_answers_as_the_translator(
    form: str, shape: dict[str, Any], make: Callable, tmp_path: Path
) -> None:
    check_export(form, make(**shape), tmp_path / "export")


@pytest.mark.slow  # 381 exports, an hour.
@pytest.mark.parametrize("form", FORMATS)
def test_the_whole_grid_exports_and_answers_as_the_translator(
    form: str, make: Callable, grid_shape: dict[str, Any], tmp_path: Path
) -> None:
    check_export(form, make(**grid_shape), tmp_path / "export")

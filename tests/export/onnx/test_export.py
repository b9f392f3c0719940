"""What is written as ONNX is checked, runs, and answers as the model."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tf2onnx", reason="tf2onnx is not installed.")
pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed.")

from keras_s2s import Beam, Translator, export
from keras_s2s.export.onnx.runtime import onnx_runtime

TEXTS = ["abc", "한국 é", "", "j", "hhhhhhhhhhhh", "gab"]


@pytest.fixture(scope="module")
def translator(make: Callable[..., Translator]) -> Translator:
    return make(input_feeding=True)


@pytest.fixture(scope="module")
def exported(exported_as: Callable[[str], Path]) -> Path:
    return exported_as("onnx")


def test_attention_scores_and_n_best_are_the_translators(
    translator: Translator, exported: Path
) -> None:
    options: dict[str, Any] = {"search": Beam(4), "n_best": 4, "attention": True}
    alone = export.OnnxTranslator(exported)
    for ours, theirs in zip(
        alone.stream(TEXTS, **options), translator.stream(TEXTS, **options), strict=True
    ):
        assert [one.text for one in ours] == [one.text for one in theirs]
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a.score, b.score, atol=1e-4)
            if b.weights is not None:
                assert a.weights is not None
                np.testing.assert_allclose(a.weights, b.weights, atol=1e-5)


def test_batch_and_length_are_dynamic_and_have_names(exported: Path) -> None:
    manifest = json.loads((exported / "manifest.json").read_text(encoding="utf-8"))
    signatures = manifest["signatures"]
    assert signatures["encode"]["inputs"]["tokens"]["shape"] == ["batch", "source_length"]
    assert signatures["encode"]["outputs"]["memory"]["shape"] == ["batch", "source_length", 12]
    assert signatures["decode_step"]["outputs"]["attention"]["shape"] == ["batch", "source_length"]
    assert "unk__" not in json.dumps(signatures)
    run = onnx_runtime(exported)
    alone = run("encode", {"tokens": np.array([[7, 3]], "int32"), "length": np.array([2], "int32")})
    batch = {
        "tokens": np.array([[5, 6, 8, 3], [7, 3, 0, 0]], "int32"),
        "length": np.array([4, 2], "int32"),
    }
    np.testing.assert_allclose(run("encode", batch)["state"][1:], alone["state"], atol=1e-6)


def test_no_name_is_input_and_output_of_one_file(exported: Path) -> None:
    manifest = json.loads((exported / "manifest.json").read_text(encoding="utf-8"))
    for signature in manifest["signatures"].values():
        assert not set(signature["inputs"]) & set(signature["outputs"])


@pytest.mark.slow  # Exports a larger model twice: 32 s.
def test_int8_weights_are_a_quarter_of_the_size_and_answer_mostly_the_same(
    tmp_path: Path,
) -> None:
    import keras

    from keras_s2s import CharacterTokenizer, Decoder, Encoder, LuongAttention, Seq2Seq

    keras.utils.set_random_seed(1)
    tokenizer = CharacterTokenizer.train(["".join(map(chr, range(0x4E00, 0x4E00 + 1000)))])
    size = tokenizer.vocabulary_size
    decoder = Decoder(size, 160, attention=LuongAttention(160), input_feeding=True)
    translator = Translator(Seq2Seq(Encoder(size, 160), decoder), tokenizer, tokenizer)
    samples = ["一丁丂"]
    plain = export.onnx(translator, tmp_path / "plain", samples=samples)["bytes"]
    small = export.onnx(translator, tmp_path / "int8", quantize="int8", samples=samples)["bytes"]
    for name in ("encoder.onnx", "decode_step.onnx"):
        assert small[name] < 0.3 * plain[name]
    export.OnnxTranslator(tmp_path / "int8").translate(["一丁"], maximum_length=3)


def test_it_translates_where_neither_tensorflow_nor_keras_is_imported(
    translator: Translator, exported: Path
) -> None:
    program = (
        "import sys; from keras_s2s import Beam; from keras_s2s.export import OnnxTranslator\n"
        f"print(OnnxTranslator({str(exported)!r}).translate(['abc', 'gab'], search=Beam(2)))\n"
        "print(sorted({'tensorflow', 'keras', 'jax'} & set(sys.modules)))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    expected = translator.translate(["abc", "gab"], search=Beam(2))
    assert finished.stdout.splitlines() == [str(expected), "[]"]


def test_an_unknown_quantization_and_another_kind_of_export_are_told(
    translator: Translator, exported: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        ValueError, match="`quantize` of ONNX must be one of .* Received: quantize='float16'"
    ):
        export.onnx(translator, tmp_path / "x", quantize="float16")
    with pytest.raises(ValueError, match="LiteRTTranslator runs litert exports"):
        export.LiteRTTranslator(exported)


@pytest.mark.slow  # An export in another process; LiteRT has the same.
def test_a_crash_in_the_middle_leaves_the_old_export(
    translator: Translator, exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = Path(shutil.copytree(exported, tmp_path / "export"))

    def stop(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("keras_s2s.export.parity.write_golden_vectors", stop)
    with pytest.raises(KeyboardInterrupt):
        export.onnx(translator, copied)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["export"]
    export.OnnxTranslator(copied)

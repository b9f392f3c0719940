"""An export puts the same words of the source in place of unknown ones as the translator does."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

pytest.importorskip("tf2onnx", reason="tf2onnx is not installed.")
pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed.")

from keras_s2s import (
    Decoder,
    Encoder,
    Greedy,
    LuongAttention,
    Seq2Seq,
    Translator,
    WordTokenizer,
    export,
)

TEXTS = ["a gnu sees Zoë", "", "dog, runs", "gnu"]
DICTIONARY = {"gnu": "Gnu", "Zoë": "Zoe"}
OPTIONS: dict[str, Any] = {"maximum_length": 6, "search": Greedy(), "replace_unknown": True}


def make(attention: Any) -> Translator:
    """A translator whose greedy answers are unknown words alone."""
    keras.utils.set_random_seed(4)
    source, target = WordTokenizer(["a", "dog", "runs"]), WordTokenizer(["ein", "Hund"])
    decoder: Any = Decoder(target.vocabulary_size, 8, attention=attention)
    model = Seq2Seq(Encoder(source.vocabulary_size, 8), decoder)
    model.set_weights([4 * one for one in model.get_weights()])
    decoder.output_kernel.assign(0.0 * decoder.output_kernel)
    return Translator(model, source, target)


@pytest.fixture(scope="module")
def translator() -> Translator:
    return make(LuongAttention(8))


@pytest.fixture(scope="module")
def exported(translator: Translator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unknown") / "export"
    export.onnx(translator, folder, samples=["a dog"])
    return folder


@pytest.mark.parametrize("attention", [False, True])
def test_the_texts_are_those_of_the_translator(
    translator: Translator, exported: Path, attention: bool
) -> None:
    options = {**OPTIONS, "dictionary": DICTIONARY, "attention": attention}
    alone = export.OnnxTranslator(exported)
    seen = []
    for (ours,), (theirs,) in zip(
        alone.stream(TEXTS, **options), translator.stream(TEXTS, **options), strict=True
    ):
        assert (ours.text, ours.target_pieces) == (theirs.text, theirs.target_pieces)
        assert (ours.weights is None) == (theirs.weights is None)
        if attention and ours.weights is not None:
            np.testing.assert_allclose(ours.weights, np.array(theirs.weights), atol=1e-5)
        seen += ours.text.split()
    assert "⁇" not in seen and {"Gnu", "Zoe"} & {*seen} and "gnu" not in seen


def test_it_does_so_where_neither_tensorflow_nor_keras_is_imported(
    translator: Translator, exported: Path
) -> None:
    program = (
        "import sys; from keras_s2s import Constraints, Greedy\n"
        "from keras_s2s.export import OnnxTranslator\n"
        f"print(OnnxTranslator({str(exported)!r}).translate({TEXTS!r}, **{OPTIONS!r}))\n"
        "print(sorted({'tensorflow', 'keras', 'jax'} & set(sys.modules)))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    expected = translator.translate(TEXTS, **OPTIONS)
    assert finished.stdout.splitlines() == [str(expected), "[]"]


@pytest.mark.slow  # Another export: 6 s.
def test_what_cannot_be_done_is_told_at_the_door(exported: Path, tmp_path: Path) -> None:
    alone = export.OnnxTranslator(exported)
    with pytest.raises(ValueError, match="a dictionary and replace_unknown=False"):
        alone.translate(TEXTS, dictionary=DICTIONARY)
    with pytest.raises(TypeError, match="`dictionary` must map source words"):
        alone.translate(TEXTS, replace_unknown=True, dictionary={"a": 1})  # pyright: ignore
    export.onnx(make(None), tmp_path / "plain", samples=["a dog"])
    with pytest.raises(ValueError, match="a model without attention looks at none"):
        export.OnnxTranslator(tmp_path / "plain").translate(TEXTS, replace_unknown=True)

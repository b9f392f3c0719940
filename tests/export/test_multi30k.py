"""On real text int8 costs next to nothing."""

from pathlib import Path

import pytest

pytest.importorskip("ai_edge_litert", reason="LiteRT's runtime is not installed.")

from keras_s2s import Corpus, export
from keras_s2s.recipe import Recipe, train

pytestmark = pytest.mark.slow
MOST_LOST = 0.3  # BLEU


def test_int8_loses_at_most_0_3_bleu_and_float32_nothing(shared_data: Path, tmp_path: Path) -> None:
    from sacrebleu.metrics.bleu import BLEU

    folder = shared_data / "multi30k"

    def read(name: str) -> list[tuple[str, str]]:
        return list(Corpus(folder / f"{name}.en", folder / f"{name}.de"))

    recipe = Recipe(units=256, embedding=128, epochs=8, seed=1)
    translator = train(read("train"), read("val"), tmp_path / "model", recipe)
    sources, references = zip(*read("test_2016_flickr"), strict=True)
    answers = {"model": translator.translate(sources, beam_size=1)}
    for quantize in ("none", "int8"):
        manifest = export.litert(translator, tmp_path / quantize, quantize=quantize)
        sizes = manifest["bytes"]
        # The format has a scale and a zero point, 12 bytes, for each row of 128 or 256.
        assert sizes["file"] < (1.1 if quantize == "int8" else 1.02) * sizes["weights"]
        runner = export.LiteRTTranslator(tmp_path / quantize)
        answers[quantize] = runner.translate(sources, beam_size=1)
    bleu = {name: BLEU().corpus_score(a, [references]).score for name, a in answers.items()}
    print({name: round(score, 2) for name, score in bleu.items()})
    assert bleu["model"] > 15  # Or there would be nothing to lose.
    assert answers["none"] == answers["model"]
    assert bleu["int8"] > bleu["model"] - MOST_LOST

"""What commit 9a674d8 saved still loads and gives the same results; `data/fixtures` holds it."""

import json
import lzma
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras_s2s import Beam, Greedy, PreparedCorpus, Translation, Translator
from keras_s2s.export import LiteRTTranslator, OnnxTranslator, SavedModelTranslator
from keras_s2s.inference.limits import LengthLimit
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.resume import Run
from keras_s2s.recipe.train import train

FIXTURES = Path(__file__).parent / "data" / "fixtures"
MOST_BYTES = 300_000
EXPECTED = json.loads((FIXTURES / "expected.json").read_text(encoding="utf-8"))
TEXTS = EXPECTED["texts"]
RUNNERS = {"litert": LiteRTTranslator, "onnx": OnnxTranslator, "saved_model": SavedModelTranslator}

# The options of `make_fixtures.py`, by the names of today.
LUONG = Recipe(
    vocabulary_size=34,
    units=8,
    embedding_dimension=8,
    dropout=0.0,
    length_noise=10.0,
    batch_sentences=16,
    learning_rate=0.02,
    epochs=100,
    patience=100,
    ema_momentum=0.9,
    subword_sampling=0.0,
)
INTERRUPTED = Recipe(
    units=4,
    embedding_dimension=6,
    num_layers=2,
    length_noise=0.5,
    global_clipnorm=0.7,
    gradient_accumulation_steps=2,
    ema_momentum=0.8,
    monitor="sequence_accuracy",
    score="location",
    maximum_source_length=12,
    cell="gru",
    direction="forward",
    source_tokenizer="word",
    batch_sentences=8,
    epochs=3,
    dropout=0.1,
    learning_rate=0.02,
)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fixtures as they were written: the large binary files are kept compressed, one by one."""
    folder = tmp_path_factory.mktemp("saved") / "fixtures"
    shutil.copytree(FIXTURES, folder)
    for path in folder.rglob("*.xz"):
        path.with_suffix("").write_bytes(lzma.decompress(path.read_bytes()))
        path.unlink()
    return folder


def read_pairs(saved: Path) -> list[tuple[str, str]]:
    lines = (saved / "corpus.tsv").read_text(encoding="utf-8").splitlines()
    return [(source, target) for source, target in (line.split("\t") for line in lines)]


def check(found: list[list[Translation]], expected: list[list[dict[str, Any]]]) -> None:
    for answers, wanted in zip(found, expected, strict=True):
        assert [one.text for one in answers] == [one["text"] for one in wanted]
        for one, other in zip(answers, wanted, strict=True):
            assert one.score == pytest.approx(other["score"], abs=1e-5)
            if one.weights is None:
                assert other["weights"] is None
            else:
                np.testing.assert_allclose(one.weights, other["weights"], rtol=0, atol=1e-4)


def test_the_fixtures_are_small() -> None:
    assert sum(path.stat().st_size for path in FIXTURES.rglob("*") if path.is_file()) <= MOST_BYTES


@pytest.mark.parametrize("name", ["luong", "bahdanau", "plain", "sampling"])
def test_a_model_translates_as_before(name: str, saved: Path) -> None:
    translator, expected = Translator.load(saved / name), EXPECTED["models"][name]
    attention = translator.model.decoder.attention is not None
    assert translator.translate(TEXTS, search=Greedy()) == expected["greedy"]
    assert isinstance(translator.search, Beam)
    beam = replace(translator.search, beam_size=5)
    found = translator.stream(TEXTS[:4], search=beam, n_best=2, attention=attention)
    check(list(found), expected["beam 5"])


def test_a_search_saved_with_a_model_is_its_default(saved: Path) -> None:
    translator = Translator.load(saved / "bahdanau")
    assert translator.translate(TEXTS) == EXPECTED["models"]["bahdanau"]["default"]


@pytest.mark.parametrize("name", RUNNERS)
def test_an_export_translates_as_before(name: str, saved: Path) -> None:
    exported, expected = RUNNERS[name](saved / name), EXPECTED["exports"][name]
    assert "default_limit" not in exported.manifest
    assert exported.default_limit == LengthLimit(factor=3, constant=20)
    assert exported.translate(TEXTS, search=Greedy()) == expected["greedy"]
    assert exported.translate(TEXTS) == expected["default"]


def test_a_prepared_corpus_gives_the_same_batches(saved: Path) -> None:
    batches = PreparedCorpus(saved / "prepared").batches(batch_tokens=64, seed=1)
    (source, target), output = next(iter(batches.dataset(0, 0)))
    assert [part.numpy().tolist() for part in (source, target, output)] == EXPECTED["batch"]


def test_a_finished_training_is_known_by_its_old_options(saved: Path) -> None:
    pairs, said = read_pairs(saved), []
    run = Run(resume=True)
    train(pairs, pairs[::6], saved / "luong", LUONG, run=run, report=said.append)
    assert said[-1].endswith("luong is finished")


@pytest.mark.slow  # Trains to the end: 11 s.
def test_a_training_resumes_from_an_old_checkpoint(saved: Path) -> None:
    pairs, folder = read_pairs(saved), saved / "interrupted"
    run = Run(resume=True)
    train(pairs, pairs[::6], folder, INTERRUPTED, run=run, report=lambda _: None)
    found = json.loads((folder / "history.json").read_text(encoding="utf-8"))
    expected = json.loads((saved / "resumed_history.json").read_text(encoding="utf-8"))
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert found[name] == pytest.approx(values, rel=1e-3), name

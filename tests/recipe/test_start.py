"""A training continues from a translator, resumes bit for bit, and can be continued again."""

import json
import random
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras_s2s import (
    Corpus,
    Greedy,
    PreparedCorpus,
    Start,
    Translator,
    hold_out,
    load_embeddings,
    prepare,
)
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.resume import Run
from keras_s2s.recipe.train import train


def reversed_words(count: int, seed: int, letters: str = "abcd") -> list[tuple[str, str]]:
    """Pairs of a few letters and the same letters from the end."""
    draw = random.Random(seed)
    words = ["".join(draw.choices(letters, k=draw.randint(1, 4))) for _ in range(count)]
    return [(word, word[::-1]) for word in words]


PAIRS, VALID = reversed_words(100, seed=1), reversed_words(20, seed=2)
NEW = reversed_words(100, seed=3, letters="abcż")
# Most of a training's time goes into building a graph for each shape of a batch: here one.
TINY: dict[str, Any] = {
    "source_tokenizer": "character",
    "units": 8,
    "embedding_dimension": 6,
    "batch_tokens": 2000,
}
FIRST = Recipe(**TINY, epochs=1)
RECIPE = Recipe(epochs=2, batch_tokens=2000, ema_momentum=0.8, learning_rate=2e-2, dropout=0.2)


def quiet(_: str) -> None:
    pass


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a translator of one epoch, trained without validation data."""
    folder = tmp_path_factory.mktemp("begun") / "model"
    lines: list[str] = []
    train(PAIRS, None, folder, FIRST, report=lines.append)
    assert lines[0].startswith("validation: 5 of 100 pairs held out")
    assert "val_loss" in json.loads((folder / "history.json").read_bytes())
    return folder


def weights_of(folder: Path) -> list[np.ndarray]:
    return Translator.load(folder).model.get_weights()


def interrupted(line: str) -> Callable[[str], None]:
    """A report that stops the training as Ctrl-C does, when it says a certain line."""

    def report(text: str) -> None:
        if text.startswith(line):
            raise KeyboardInterrupt

    return report


def extended(begun: Path) -> Start:
    return Start(translator=begun, vocabulary="extend", freeze=["embeddings", "attention"])


@pytest.fixture(scope="module")
def whole(begun: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a fine-tuned translator: its vocabulary is extended, parts are frozen."""
    folder = tmp_path_factory.mktemp("whole") / "model"
    lines: list[str] = []
    train(NEW, VALID, folder, RECIPE, start=extended(begun), report=lines.append)
    assert lines[0] == "source and target vocabulary: 1 ids appended to 8"
    assert "of them frozen" in next(line for line in lines if "weights" in line)
    return folder


def test_frozen_parts_stay_as_they_are_and_new_rows_are_means(begun: Path, whole: Path) -> None:
    old, new = Translator.load(begun).model, Translator.load(whole).model
    for side in ("encoder", "decoder"):
        before, after = (
            np.asarray(getattr(model, side).embedding.embeddings) for model in (old, new)
        )
        np.testing.assert_array_equal(after[:8], before)
        np.testing.assert_allclose(after[8], before[4:].mean(axis=0), rtol=1e-6)
    attentions = old.decoder.attention.weights, new.decoder.attention.weights
    for one, other in zip(*attentions, strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
    cells = [np.asarray(model.encoder.cells[0].weights[0]) for model in (old, new)]
    assert not np.array_equal(cells[0], cells[1])


def test_what_it_started_from_is_recorded(whole: Path) -> None:
    identity = json.loads((whole / "training.json").read_bytes())["start"]
    assert identity["freeze"] == ["attention", "embeddings"] and len(identity["model"]) == 64
    recipe = Recipe.from_json(whole / "recipe.json")
    assert (recipe.units, recipe.source_tokenizer, recipe.dropout) == (8, "character", 0.2)


@pytest.mark.slow  # Trains three times: 13 s.
def test_interrupted_it_is_resumed_bit_for_bit_from_the_same_start_alone(
    begun: Path, whole: Path, tmp_path: Path
) -> None:
    args: Any = (NEW, VALID, tmp_path / "parts", RECIPE)
    with pytest.raises(KeyboardInterrupt):
        run = Run(checkpoint_steps=1)
        train(*args, start=extended(begun), run=run, report=interrupted("epoch 2"))
    other = Start(translator=whole, vocabulary="extend", freeze=["embeddings"])
    again = Run(resume=True, checkpoint_steps=1)
    with pytest.raises(ValueError, match=r"another start \(model\), another start \(freeze\)"):
        train(*args, start=other, run=again, report=quiet)
    train(*args, start=extended(begun), run=again, report=quiet)
    for one, same in zip(weights_of(whole), weights_of(tmp_path / "parts"), strict=True):
        np.testing.assert_array_equal(one, same)


@pytest.mark.slow  # Another training: 5 s.
def test_a_translator_that_no_folder_holds_is_continued_with_its_search(
    whole: Path, tmp_path: Path
) -> None:
    held = Translator.load(whole)
    options: dict[str, Any] = {"search": Greedy(), "maximum_source_length": 33}
    parts = held.model, held.source_tokenizer, held.target_tokenizer
    start = Start(translator=Translator(*parts, **options))
    recipe = Recipe(epochs=2, batch_tokens=2000, valid_share=0)  # The first step warms up.
    lines: list[str] = []
    chained = train(NEW, None, tmp_path / "chained", recipe, start=start, report=lines.append)
    assert "no validation: the last weights are kept" in lines
    assert set(json.loads((tmp_path / "chained" / "history.json").read_bytes())) == {"loss"}
    assert chained.source_tokenizer.vocabulary_size == 9
    assert (chained.search, chained.maximum_source_length) == (Greedy(), 33)
    assert Recipe.from_json(tmp_path / "chained" / "recipe.json").units == 8
    for one, same in zip(weights_of(whole), held.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, same)  # The model that it started from.
    # No longer frozen.
    assert not np.array_equal(held.model.get_weights()[0], chained.model.get_weights()[0])


@pytest.mark.slow  # Another training: 4 s.
def test_without_validation_the_averaged_weights_of_the_last_epoch_are_kept(
    begun: Path, tmp_path: Path
) -> None:
    pairs = hold_out(PAIRS, 0.05, FIRST.seed).training
    train(pairs, None, tmp_path / "none", replace(FIRST, valid_share=0), report=quiet)
    # With validation the best weights were kept: there was one epoch.
    for one, other in zip(weights_of(tmp_path / "none"), weights_of(begun), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow  # Prepares and trains: 12 s.
def test_a_prepared_corpus_needs_the_same_tokenizers_and_may_have_held_out_pairs(
    begun: Path, tmp_path: Path
) -> None:
    (tmp_path / "tsv").write_text("".join(f"{a}\t{b}\n" for a, b in NEW), encoding="utf-8")
    corpus = Corpus.from_tsv(tmp_path / "tsv", duplicates="ignore")
    kind = Recipe(source_tokenizer="character")
    options: dict[str, Any] = {"workers": 1, "report": quiet}
    prepared = prepare(corpus, tmp_path / "p", kind, valid_share=0.2, **options)
    held_out = prepared.valid_pairs
    assert 5 < len(held_out) < 90 and prepared.pairs + len(held_out) == len(NEW)
    assert set(held_out) <= set(NEW)
    own = train(prepared, None, tmp_path / "own", Recipe(epochs=1, units=8), report=quiet)
    start = Start(translator=begun)
    with pytest.raises(
        ValueError, match="whose source tokenizer is another one. Prepare the corpus"
    ):
        train(prepared, VALID, tmp_path / "other", RECIPE, start=start, report=quiet)
    extended = Start(translator=own, vocabulary="extend")
    with pytest.raises(ValueError, match="has its vocabulary already"):
        train(prepared, VALID, tmp_path / "other", RECIPE, start=extended, report=quiet)
    with pytest.raises(ValueError, match="valid_share=0.1 with .* Give it to keras-s2s prepare"):
        train(prepared, None, tmp_path / "other", Recipe(valid_share=0.1), report=quiet)
    bare = prepare(corpus, tmp_path / "bare", kind, **options)
    assert bare.valid_pairs == [] and PreparedCorpus(tmp_path / "p").valid_pairs == held_out
    with pytest.raises(ValueError, match="No pairs were held out .* or train with valid_share=0"):
        train(bare, None, tmp_path / "other", RECIPE, report=quiet)
    assert not (tmp_path / "other").exists()
    continued = train(
        prepared, None, tmp_path / "go", Recipe(epochs=1), start=Start(translator=own), report=quiet
    )
    assert continued.model.decoder.units == 8


def test_a_start_and_a_model_of_ones_own_contradict_each_other(begun: Path, tmp_path: Path) -> None:
    def build_model(*_: Any) -> Any:
        pytest.fail("it was built")

    start = Start(translator=begun)
    with pytest.raises(ValueError, match="has its model already. Received: start and build_model"):
        train(PAIRS, VALID, tmp_path / "m", RECIPE, start=start, build_model=build_model)


def test_pretrained_embeddings_are_in_the_model_frozen_or_not(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    vectors = {letter: draw.normal(size=5).astype(np.float32) for letter in "abx"}
    path = tmp_path / "vectors.bin"
    path.write_bytes(
        b"3 5\n"
        + b"".join(
            word.encode() + b" " + struct.pack("<5f", *vector) + b"\n"
            for word, vector in vectors.items()
        )
    )
    lines: list[str] = []
    kind: dict[str, Any] = {"source_tokenizer": "character", "tie_embeddings": "none"}
    found = train(
        PAIRS,
        VALID,
        tmp_path / "m",
        Recipe(**kind, units=8, epochs=2, batch_tokens=2000, learning_rate=0.1),
        start=Start(source_embeddings=path, target_embeddings=path, freeze=["source-embeddings"]),
        report=lines.append,
    )
    tokenizer = found.source_tokenizer
    counts = "".join(source for source, _ in PAIRS)
    share = 100 * sum(letter in "ab" for letter in counts) / len(counts)
    expected = f"source embeddings: 2 of 8 ids ({share:.1f} % of the training tokens) have a vector"
    assert any(line.startswith(expected) for line in lines)
    matrix, mask = load_embeddings(path, tokenizer)
    sides = [
        np.asarray(one.embedding.embeddings) for one in (found.model.encoder, found.model.decoder)
    ]
    assert mask.sum() == 2 and sides[0].shape == (8, 5)
    np.testing.assert_array_equal(sides[0][mask], matrix[mask])
    assert not np.array_equal(sides[1][mask], matrix[mask])
    np.testing.assert_allclose(sides[1][mask], matrix[mask], atol=1.0)
    assert Recipe.from_json(tmp_path / "m" / "recipe.json").embedding_dimension == 5
    assert len(json.loads((tmp_path / "m" / "training.json").read_bytes())["start"]) == 3


def test_embeddings_of_another_size_are_refused(begun: Path, tmp_path: Path) -> None:
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_text("a 1 2 3\n")
    large.write_text("a 1 2 3 4\n")
    for start, recipe, message in (
        (
            Start(source_embeddings=small),
            Recipe(embedding_dimension=4),
            "settled by the vectors of",
        ),
        (
            Start(source_embeddings=small, given=["embedding_dimension"]),
            Recipe(),
            "`embedding_dimension` is settled by the vectors .*: 3. Received: .*=256",
        ),
        (
            Start(source_embeddings=small, target_embeddings=large),
            Recipe(),
            "must have one size, .* Received: 3 in .*small and 4 in .*large",
        ),
        (
            Start(source_embeddings=small, target_embeddings=small),
            Recipe(tie_embeddings="three"),
            "A matrix that both sides share is filled once",
        ),
        (
            Start(translator=begun, vocabulary="extend", source_embeddings=small),
            Recipe(),
            "as large as those of the model, 6. Received: 3 numbers",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            train(PAIRS, VALID, tmp_path / "m", recipe, start=start, report=quiet)
    assert not (tmp_path / "m").exists()


def test_the_model_that_it_starts_from_is_not_replaced(begun: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in begun.iterdir()}
    with pytest.raises(ValueError, match="is not replaced. Received: .* for both"):
        train([("a", "b")], [("a", "b")], begun, start=Start(translator=begun))
    assert {path.name: path.stat().st_mtime_ns for path in begun.iterdir()} == before


def test_an_export_is_told_from_a_trained_model(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(ValueError, match="An export cannot be trained further"):
        Start(translator=tmp_path).loaded()

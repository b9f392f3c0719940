"""A recipe trains, keeps the best, ends in time, and saves what it made."""

import json
import random
import re
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras_s2s import Corpus, Greedy, PreparedCorpus, Translator, prepare
from keras_s2s.files.file_lock import locked
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.resume import Run
from keras_s2s.recipe.train import train
from keras_s2s.text.option_fields import as_json


def reversed_words(count: int, seed: int) -> list[tuple[str, str]]:
    """Pairs of a few letters and the same letters from the end."""
    draw = random.Random(seed)
    words = ["".join(draw.choices("abcd", k=draw.randint(1, 4))) for _ in range(count)]
    return [(word, word[::-1]) for word in words]


PAIRS, VALID = reversed_words(600, seed=1), reversed_words(40, seed=2)
# So small that most of a test's time goes into building graphs.
TINY: dict[str, Any] = {
    "source_tokenizer": "character",
    "units": 48,
    "embedding_dimension": 24,
    "dropout": 0.0,
    "label_smoothing": 0.0,
    "batch_tokens": 160,
    "learning_rate": 2e-2,
    "ema_momentum": 0.8,
}


def quiet(_: str) -> None:
    pass


@pytest.fixture(scope="module")
def reverser(tmp_path_factory: pytest.TempPathFactory) -> tuple[Translator, Path, list[str]]:
    """A translator that learned to reverse, its folder, and what its training reported."""
    folder = tmp_path_factory.mktemp("recipe") / "model"
    lines: list[str] = []
    recipe = Recipe(**TINY, epochs=10)
    return train(PAIRS, VALID, folder, recipe, report=lines.append), folder, lines


def test_a_few_seconds_teach_it_to_reverse_letters(
    reverser: tuple[Translator, Path, list[str]],
) -> None:
    sources, targets = zip(*VALID, strict=True)
    answers = reverser[0].translate(sources, search=Greedy())
    right = sum(mine == target for mine, target in zip(answers, targets, strict=True))
    assert right / len(VALID) >= 0.9


def test_the_folder_holds_the_translator_the_recipe_and_its_history(
    reverser: tuple[Translator, Path, list[str]],
) -> None:
    translator, folder, _ = reverser
    assert json.loads((folder / "recipe.json").read_bytes()) == as_json(Recipe(**TINY, epochs=10))
    history = json.loads((folder / "history.json").read_bytes())
    names = {"loss", "val_loss", "val_perplexity", "val_token_accuracy", "val_sequence_accuracy"}
    assert set(history) == names and all(len(values) == 10 for values in history.values())
    assert history["loss"][-1] < history["loss"][0] / 4
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    loaded = Translator.load(folder)
    for mine, saved in zip(translator.model.weights, loaded.model.weights, strict=True):
        np.testing.assert_array_equal(mine.numpy(), saved.numpy())


def test_the_report_tells_of_batches_sizes_and_each_epoch(
    reverser: tuple[Translator, Path, list[str]],
) -> None:
    batches, sizes, advice, *epochs, best, saved = reverser[2]
    assert re.fullmatch(r"the best weights are those of epoch \d+", best)
    assert batches.startswith("training: 600 pairs in ") and "% padding" in batches
    assert sizes.startswith("8 source ids, 8 target ids, ") and sizes.endswith(" weights")
    assert advice.startswith("the first epoch takes longer")
    assert [line.partition(":")[0] for line in epochs] == [f"epoch {n}" for n in range(1, 11)]
    assert saved == f"saved in {reverser[1]}"


@pytest.mark.slow  # Two trainings: 9 s.
def test_a_training_that_could_not_be_saved_is_saved_by_resuming(
    tmp_path: Path,
    reverser: tuple[Translator, Path, list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("No space left on device")

    recipe = Recipe(**TINY, epochs=10)  # As of `reverser`, which ends with the same weights.
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(Translator, "save", fail)
        train(PAIRS, VALID, tmp_path / "model", recipe)
    lines: list[str] = []
    run = Run(resume=True)
    train(PAIRS, VALID, tmp_path / "model", recipe, run=run, report=lines.append)
    assert lines[0].startswith("resuming from ") and lines[-1].startswith("saved in ")
    assert not [line for line in lines if line.startswith("epoch")]
    found = Translator.load(tmp_path / "model").model.get_weights()
    for one, other in zip(found, reverser[0].model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not (tmp_path / "model.checkpoints").exists()


def test_a_second_training_on_one_folder_is_kept_out(tmp_path: Path) -> None:
    with (
        locked(tmp_path / ".model.lock"),
        pytest.raises(ValueError, match="one process at a time can do this"),
    ):
        train(PAIRS, VALID, tmp_path / "model", Recipe(**TINY, epochs=1))


def tokens_of(pairs: list[tuple[str, str]], translator: Translator) -> tuple[Any, Any]:
    """Padded ids of pairs, as the model is trained on them."""
    from keras_s2s.data.batches import Batches

    sides = zip(*pairs, strict=True)
    tokenizers = translator.source_tokenizer, translator.target_tokenizer
    ids = [tokenizer.encode_all(side) for tokenizer, side in zip(tokenizers, sides, strict=True)]
    return next(iter(Batches(*ids, batch_tokens=10**6, shuffle=False).epoch(0)))


def test_it_stops_early_and_keeps_the_best_weights_and_not_the_last(tmp_path: Path) -> None:
    from keras_s2s import Perplexity

    draw = random.Random(3)
    # What it learns by and by, that "a" comes often, is wrong in the validation.
    pairs = [(source, "".join(draw.choices("aaab", k=4))) for source, _ in PAIRS[:60]]
    valid = [(source, "".join(draw.choices("abbb", k=4))) for source, _ in PAIRS[60:100]]
    changes = {"epochs": 40, "patience": 2, "ema_momentum": 0.0, "learning_rate": 5e-2}
    translator = train(pairs, valid, tmp_path / "model", Recipe(**TINY | changes), report=quiet)
    history = json.loads((tmp_path / "model" / "history.json").read_bytes())["val_perplexity"]
    best = int(np.argmin(history))
    assert len(history) < 40 and best == len(history) - 3
    inputs, target = tokens_of(valid, translator)
    perplexity = Perplexity()
    perplexity.update_state(target, translator.model(inputs))
    assert float(perplexity.result()) == pytest.approx(history[best], rel=1e-3)
    assert float(perplexity.result()) < 0.95 * history[-1]


@pytest.mark.slow  # Trains for a time that is asked for.
def test_a_training_that_is_bounded_in_minutes_ends_in_time_with_no_rate_left(
    tmp_path: Path,
) -> None:
    recipe = Recipe(**{**TINY, "epochs": 100_000, "minutes": 0.05, "patience": 100_000})
    times: list[float] = []
    translator = train(
        PAIRS, VALID, tmp_path / "model", recipe, report=lambda _: times.append(time.monotonic())
    )
    epochs = len(times) - 2
    assert 1 <= epochs < 1000
    assert float(translator.model.optimizer.learning_rate) < 1e-3 * TINY["learning_rate"]
    Translator.load(tmp_path / "model")


VARIANTS: dict[str, dict[str, Any]] = {
    "plain, deep": {"attention": "none", "num_layers": 2, "precision": "float32"},
    "concat, float16": {"score": "concat", "precision": "float16", "dropout": 0.2},
    "bahdanau, fed, bfloat16": {
        "attention": "bahdanau",
        "input_feeding": True,
        "cell": "gru",
        "precision": "bfloat16",
    },
    "dot, bfloat16": {"score": "dot", "cell": "gru", "precision": "bfloat16"},
    "general, fed, deep": {"score": "general", "input_feeding": True, "num_layers": 2},
}
# Other combinations of the same options, of which most of the time goes into building graphs.
MORE_VARIANTS = VARIANTS.keys() - {"bahdanau, fed, bfloat16"}


@pytest.mark.parametrize(
    "variant",
    [
        pytest.param(name, marks=pytest.mark.slow) if name in MORE_VARIANTS else name
        for name in VARIANTS
    ],
)
def test_every_kind_of_model_trains_and_comes_back(variant: str, tmp_path: Path) -> None:
    recipe = Recipe(**{**TINY, **VARIANTS[variant], "epochs": 2})
    translator = train(PAIRS[:80], VALID, tmp_path / "model", recipe, report=quiet)
    history = json.loads((tmp_path / "model" / "history.json").read_bytes())
    assert history["val_loss"][1] < history["val_loss"][0] < 2.5  # ln 8 is 2.1.
    decoder = translator.model.decoder
    assert decoder.num_layers == translator.model.encoder.num_layers == recipe.num_layers
    assert decoder.cell == recipe.cell and decoder.input_feeding == recipe.input_feeding
    assert decoder.compute_dtype == "float32"
    kind = None if decoder.attention is None else type(decoder.attention).__name__
    assert kind == {"none": None, "luong": "LuongAttention", "bahdanau": "BahdanauAttention"}.get(
        recipe.attention
    )
    assert getattr(decoder.attention, "score", recipe.score) == recipe.score
    loaded = Translator.load(tmp_path / "model").model
    for mine, saved in zip(translator.model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(mine.numpy(), saved.numpy())


# Each of these texts is too short for the vocabulary that is asked for.
few_words = pytest.mark.filterwarnings("ignore:vocabulary_size=.* is more than the text fills")


@pytest.mark.slow  # Three trainings: 12 s.
@few_words
def test_the_same_seed_gives_the_same_weights_in_place_of_the_first_ones_which_are_named(
    tmp_path: Path,
) -> None:
    changes = {"epochs": 1, "dropout": 0.3, "source_tokenizer": "sentencepiece"}
    recipe = Recipe(**TINY | changes, seed=4)
    first = train(PAIRS[:80], VALID, tmp_path / "model", recipe, report=quiet)
    (tmp_path / "model" / "attention.png").write_text("as the demo leaves it")
    lines: list[str] = []
    again = train(PAIRS[:80], VALID, tmp_path / "model", recipe, report=lines.append)
    told = [line for line in lines if "will be replaced" in line]
    assert told == [f"the model in {tmp_path / 'model'} will be replaced"]
    for mine, same in zip(first.model.weights, again.model.weights, strict=True):
        np.testing.assert_array_equal(mine.numpy(), same.numpy())
    assert not (tmp_path / "model" / "attention.png").exists()
    Translator.load(tmp_path / "model")


def test_a_training_that_diverges_says_so_and_saves_nothing(tmp_path: Path) -> None:
    recipe = Recipe(**{**TINY, "learning_rate": 1e30, "epochs": 9})
    with pytest.raises(ValueError, match=r"batch \d+ \(pairs .*before any epoch was validated"):
        train(PAIRS[:80], VALID, tmp_path / "model", recipe, report=quiet)
    assert list(tmp_path.iterdir()) == []


def test_steps_over_more_batches_than_there_are_is_an_error(tmp_path: Path) -> None:
    recipe = Recipe(**TINY, epochs=2, gradient_accumulation_steps=1000)
    message = "`gradient_accumulation_steps` must be at most .* gradient_accumulation_steps=1000"
    with pytest.raises(ValueError, match=message):
        train(PAIRS[:80], VALID, tmp_path / "model", recipe, report=quiet)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("pairs", "valid"), [([], VALID), (PAIRS, [])])
def test_no_pair_is_an_error(pairs: list, valid: list, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="pairs` must hold at least one pair"):
        train(pairs, valid, tmp_path / "model", Recipe(**TINY))


def test_a_folder_that_cannot_take_the_model_is_told_before_the_training(tmp_path: Path) -> None:
    def unreported(line: str) -> None:
        pytest.fail(f"it began: {line}")

    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ValueError, match="which holds 'thesis.txt'"):
        train(PAIRS, VALID, tmp_path, Recipe(**TINY), report=unreported)
    with pytest.raises(OSError, match="File exists"):
        train(PAIRS, VALID, tmp_path / "thesis.txt" / "model", Recipe(**TINY), report=unreported)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> PreparedCorpus:
    """The pairs of this file as shards."""
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "tsv").write_text("".join(f"{source}\t{target}\n" for source, target in PAIRS))
    recipe = Recipe(source_tokenizer="character")
    return prepare(Corpus.from_tsv(folder / "tsv"), folder / "out", recipe, report=quiet)


@pytest.mark.slow  # Two trainings: 13 s.
def test_a_prepared_corpus_teaches_as_much_as_its_pairs_with_the_options_it_has_settled(
    prepared: PreparedCorpus, tmp_path: Path
) -> None:
    lines: list[str] = []
    folder = tmp_path / "model"
    tiny = {name: value for name, value in TINY.items() if name != "source_tokenizer"}
    translator = train(prepared, VALID, folder, Recipe(**tiny, epochs=10), report=lines.append)
    recipe = json.loads((folder / "recipe.json").read_bytes())
    assert recipe["source_tokenizer"] == "character"
    assert lines[0].startswith("training: 600 pairs in 1 shard, ")
    history = json.loads((folder / "history.json").read_bytes())
    assert history["loss"][-1] < history["loss"][0] / 4
    answers = translator.translate([source for source, _ in VALID], search=Greedy())
    right = sum(answer == target for answer, (_, target) in zip(answers, VALID, strict=True))
    assert right >= 0.9 * len(VALID)
    assert Translator.load(folder).samples == prepared.samples


def test_options_other_than_a_prepared_corpus_has_settled_are_refused(
    prepared: PreparedCorpus, tmp_path: Path
) -> None:
    tiny = {name: value for name, value in TINY.items() if name != "source_tokenizer"}
    other = Recipe(**tiny, source_tokenizer="word")
    with pytest.raises(ValueError, match="when the corpus was prepared: 'character'. Received: so"):
        train(prepared, VALID, tmp_path / "other", other, report=quiet)
    tied = Recipe(**tiny, tie_embeddings="three")
    with pytest.raises(ValueError, match="one SentencePiece vocabulary for both sides"):
        train(prepared, VALID, tmp_path / "other", tied, report=quiet)


@pytest.mark.slow  # Compiles the update by XLA: 11 s.
def test_gradients_of_several_batches_make_one_step_of_the_compiled_update(
    tmp_path: Path, compiled_adam: Callable[[], AbstractContextManager]
) -> None:
    changes = {"gradient_accumulation_steps": 2, "scheduled_sampling": "exponential"}
    recipe = Recipe(**TINY | changes, epochs=4)
    with compiled_adam():
        translator = train(PAIRS[:200], VALID, tmp_path / "model", recipe, report=quiet)
    assert translator.model.optimizer._update is not None
    losses = json.loads((tmp_path / "model" / "history.json").read_text())["val_loss"]
    assert losses[-1] < 0.9 * losses[0]
    assert translator.model.decoder.scheduled_sampling is not None

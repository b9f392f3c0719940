"""A recipe trains, keeps the best, ends in time, and saves what it made."""

import json
import math
import random
import re
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras_s2s import Corpus, PreparedCorpus, Translator, prepare
from keras_s2s.data.pairs import choose_samples
from keras_s2s.files.file_lock import locked
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.resume import Run
from keras_s2s.recipe.train import train
from keras_s2s.recipe.training_data import make_batches
from keras_s2s.text.tokenizers import (
    CharacterTokenizer,
    SentencePieceTokenizer,
    Tokenizer,
    WordTokenizer,
)
from keras_s2s.text.train_pair import train_tokenizers


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
    "embedding": 24,
    "dropout": 0.0,
    "label_smoothing": 0.0,
    "batch_tokens": 160,
    "learning_rate": 2e-2,
    "averaging": 0.8,
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
    answers = reverser[0].translate(sources, beam_size=1)
    right = sum(mine == target for mine, target in zip(answers, targets, strict=True))
    assert right / len(VALID) >= 0.9


def test_the_folder_holds_the_translator_the_recipe_and_its_history(
    reverser: tuple[Translator, Path, list[str]],
) -> None:
    translator, folder, _ = reverser
    assert json.loads((folder / "recipe.json").read_bytes()) == asdict(Recipe(**TINY, epochs=10))
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
    batches, sizes, advice, *epochs, saved = reverser[2]
    assert batches.startswith("training: 600 pairs in ") and "% padding" in batches
    assert sizes.startswith("8 source ids, 8 target ids, ") and sizes.endswith(" weights")
    assert advice.startswith("the first epoch takes longer")
    assert [line.partition(":")[0] for line in epochs] == [f"epoch {n}" for n in range(1, 11)]
    assert saved == f"saved in {reverser[1]}"


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
    assert lines[0].startswith("going on from ") and lines[-1].startswith("saved in ")
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
    changes = {"epochs": 40, "patience": 2, "averaging": 0.0, "learning_rate": 5e-2}
    translator = train(pairs, valid, tmp_path / "model", Recipe(**TINY | changes), report=quiet)
    history = json.loads((tmp_path / "model" / "history.json").read_bytes())["val_perplexity"]
    best = int(np.argmin(history))
    assert len(history) < 40 and best == len(history) - 3
    inputs, target = tokens_of(valid, translator)
    perplexity = Perplexity()
    perplexity.update_state(target, translator.model(inputs))
    assert float(perplexity.result()) == pytest.approx(history[best], rel=1e-3)
    assert float(perplexity.result()) < 0.95 * history[-1]


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
    assert float(translator.model.optimizer.learning_rate) < 1e-3 * recipe.learning_rate
    Translator.load(tmp_path / "model")


VARIANTS: dict[str, dict[str, Any]] = {
    "plain, deep": {"attention": "none", "layers": 2, "precision": "float32"},
    "concat, float16": {"score": "concat", "precision": "float16", "dropout": 0.2},
    "bahdanau, fed, bfloat16": {
        "attention": "bahdanau",
        "input_feeding": True,
        "cell": "gru",
        "precision": "bfloat16",
    },
    "dot, bfloat16": {"score": "dot", "cell": "gru", "precision": "bfloat16"},
    "general, fed, deep": {"score": "general", "input_feeding": True, "layers": 2},
}
# Other combinations of the same options, of which most of the time goes into building graphs.
MORE_VARIANTS = {"dot, bfloat16", "general, fed, deep"}


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
    assert decoder.num_layers == translator.model.encoder.num_layers == recipe.layers
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


def trained_tokenizers(**options: Any) -> tuple[Tokenizer, Tokenizer]:
    """The tokenizers of a training, which needs nothing else to be made."""
    pairs = [("한국 a b", "b a x 가"), ("a b ab", "ab ba y 나")] * 9
    return train_tokenizers(pairs, Recipe(**options))


@few_words
def test_one_kind_of_subwords_on_both_sides_is_one_vocabulary() -> None:
    source, target = trained_tokenizers()
    assert source is target and isinstance(source, SentencePieceTokenizer)
    assert 1 not in source.encode("한국 x")


@few_words
def test_a_vocabulary_for_each_side_knows_only_its_own() -> None:
    source, target = trained_tokenizers(joint_vocabulary=False)
    assert isinstance(source, SentencePieceTokenizer)
    assert isinstance(target, SentencePieceTokenizer)
    assert 1 in source.encode("x") and 1 in target.encode("한")


@few_words
def test_the_target_has_the_kind_of_the_source_unless_it_has_its_own() -> None:
    words = trained_tokenizers(source_tokenizer="word")
    assert [type(one) for one in words] == [WordTokenizer] * 2
    mixed = trained_tokenizers(source_tokenizer="character", target_tokenizer="sentencepiece")
    assert [type(one) for one in mixed] == [CharacterTokenizer, SentencePieceTokenizer]


def test_each_side_has_its_own_unicode_form() -> None:
    source, target = trained_tokenizers(
        source_tokenizer="character", source_normalization="NFD", target_normalization="NFKC"
    )
    assert (source.normalization, target.normalization) == ("NFD", "NFKC")
    assert len(source.encode("한")) == 3  # Three jamo.


@few_words
def test_subwords_of_two_unicode_forms_cannot_be_one_vocabulary() -> None:
    source, target = trained_tokenizers(source_normalization="NFD")
    assert (source.normalization, target.normalization) == ("NFD", "NFC")


def test_the_vocabulary_is_no_larger_than_asked_for() -> None:
    source, _ = trained_tokenizers(source_tokenizer="character", vocabulary_size=6)
    assert source.vocabulary_size == 6


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


def test_batches_are_of_so_many_pairs_and_mix_lengths_by_the_jitter() -> None:
    pairs = [("a" * length, "b" * length) for length in range(1, 33)]
    spreads = []
    for jitter in (0.0, 1000.0):
        recipe = Recipe(source_tokenizer="character", batch_sentences=8, jitter=jitter)
        batches = make_batches(pairs, *train_tokenizers(pairs, recipe), recipe)
        assert [len(places) for places in batches.plan(0)] == [8, 8, 8, 8]
        spreads.append(max(float(np.ptp(places)) for places in batches.plan(0)))
    alike, mixed = spreads
    assert alike < 16 < mixed


def test_a_training_that_diverges_says_so_and_saves_nothing(tmp_path: Path) -> None:
    recipe = Recipe(**{**TINY, "learning_rate": 1e30, "epochs": 9})
    with pytest.raises(ValueError, match=r"batch \d+ \(pairs .*before any epoch was validated"):
        train(PAIRS[:80], VALID, tmp_path / "model", recipe, report=quiet)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"source_tokenizer": "bytes"}, "`source_tokenizer` must be one of .* Received: .*'bytes'"),
        ({"target_tokenizer": "bytes"}, "target_tokenizer='bytes'"),
        ({"source_normalization": "nfc"}, "source_normalization='nfc'"),
        ({"cell": "elman"}, "`cell` must be one of"),
        ({"attention": "dot"}, "`attention` must be one of"),
        ({"score": "luong"}, "`score` must be one of"),
        ({"precision": "int8"}, "`precision` must be one of"),
        ({"units": 0}, "`units` must be positive"),
        ({"units": 7}, "`units` must be even: each direction has half"),
        ({"embedding": -1}, "`embedding` must be positive"),
        ({"layers": 0}, "`layers` must be positive"),
        ({"epochs": 0}, "`epochs` must be positive"),
        ({"batch_tokens": 0}, "`batch_tokens` must be positive"),
        ({"batch_sentences": 0}, "`batch_sentences` must be from 1 to"),
        ({"jitter": -0.1}, "`jitter` must be from 0 to 1000"),
        ({"jitter": math.nan}, "jitter=nan"),
        ({"choose_by": "loss"}, "`choose_by` must be one of"),
        ({"patience": 0}, "`patience` must be positive"),
        ({"learning_rate": 0.0}, r"`learning_rate` must be positive\. Received: learning_rate=0"),
        ({"learning_rate": math.nan}, "learning_rate=nan"),
        ({"minutes": 0.0}, "`minutes` must be positive"),
        ({"dropout": 1.0}, "`dropout` must be at least 0 and below 1"),
        ({"label_smoothing": -0.1}, "label_smoothing=-0.1"),
        ({"averaging": 1.0}, "averaging=1.0"),
        ({"subword_sampling": 1.5}, "`subword_sampling` must be from 0 to 1"),
        ({"vocabulary_size": 4}, "`vocabulary_size` must be at least 5"),
        ({"seed": -1}, "`seed` must be from 0"),
        ({"minutes": math.inf}, "`minutes` must be at most 1,000,000"),
        ({"attention": "bahdanau", "score": "dot"}, "`score` must be left alone where `attention`"),
        ({"window": 3}, "`window` must be left alone where `local`"),
        ({"places": 7}, "`places` must be left alone where `score`"),
        ({"sampling_steps": 5}, "`sampling_steps` must be left alone"),
        ({"batch_tokens": 64, "batch_sentences": 8}, "`batch_tokens` must be left alone"),
        ({"attention": "none", "input_feeding": True}, "no attention to feed"),
        ({"attention": "bahdanau", "local": "monotonic"}, "the attention is not luong"),
        ({"attention": "none", "bridge": "zeros"}, "there is no attention"),
        ({**TINY, "tie_embeddings": "three"}, "one SentencePiece vocabulary for both sides"),
        ({"joint_vocabulary": False, "tie_embeddings": "three"}, "one SentencePiece vocabulary"),
    ],
)
def test_what_cannot_be_trained_is_told_before_anything_is_read(
    wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Recipe(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"residual": "no"},
        {"units": 8.0},
        {"units": "8"},
        {"units": True},
        {"units": np.int64(8)},
        {"units": None},
        {"learning_rate": "fast"},
        {"learning_rate": True},
        {"minutes": "5"},
        {"cell": 3},
        {"local": 3},
    ],
    ids=str,
)
def test_an_option_of_another_type_is_told(wrong: dict[str, Any]) -> None:
    ((name, value),) = wrong.items()
    with pytest.raises(
        TypeError, match=f"`{name}` must be .* Received: {name}={re.escape(repr(value))}"
    ):
        Recipe(**wrong)


def test_steps_over_more_batches_than_there_are_is_an_error(tmp_path: Path) -> None:
    recipe = Recipe(**TINY, epochs=2, accumulation=1000)
    with pytest.raises(ValueError, match="`accumulation` must be at most .* accumulation=1000"):
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
    answers = translator.translate([source for source, _ in VALID], beam_size=1)
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


def test_samples_are_of_every_length_with_the_long_ones_as_rare_as_they_are() -> None:
    pairs = [("a" * (1 + i % 7), "x") for i in range(7000)] + [("b" * 900, "x")]
    assert [len(sample) for sample in choose_samples(pairs)] == [1, 2, 3, 4, 5, 6, 7, 900]
    pairs = [("c" * i, "x") for i in range(1, 1001)]
    lengths = [len(sample) for sample in choose_samples(pairs)]
    assert len(lengths) == 100 and lengths == sorted(lengths)
    assert (lengths[0], lengths[-1]) == (1, 1000)
    assert choose_samples([("one", "x")]) == ["one"]


def test_gradients_of_several_batches_make_one_step(tmp_path: Path) -> None:
    lines: list[str] = []
    recipe = Recipe(**TINY, epochs=4, accumulation=2, scheduled_sampling="exponential")
    translator = train(PAIRS, VALID, tmp_path / "model", recipe, report=lines.append)
    losses = json.loads((tmp_path / "model" / "history.json").read_text())["val_loss"]
    assert losses[-1] < 0.8 * losses[0]
    assert translator.model.decoder.scheduled_sampling is not None

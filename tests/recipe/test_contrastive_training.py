"""Noise and contrastive learning by a recipe: the second goes on where the first ended."""

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras_s2s import Translator
from keras_s2s.evaluation.likelihood import pair_likelihoods
from keras_s2s.recipe.combinations import Given, check_combination
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.resume import Run
from keras_s2s.recipe.start import Start
from keras_s2s.recipe.train import train

OPTIONS: dict[str, Any] = {
    "source_tokenizer": "word",  # All pairs have one length: few shapes to prepare.
    "units": 16,
    "embedding_dimension": 16,
    "batch_sentences": 20,
    "dropout": 0.0,
    "ema_momentum": 0.0,
    "learning_rate": 2e-2,
}


def repeated_words(count: int, seed: int) -> list[tuple[str, str]]:
    draw = random.Random(seed)
    rows = [draw.choices("red blue dog cat sun tree".split(), k=4) for _ in range(count)]
    return [(" ".join(row), " ".join(row)) for row in rows]


PAIRS, VALID = repeated_words(100, seed=1), repeated_words(20, seed=2)


def quiet(_: str) -> None:
    pass


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that was trained with noise."""
    folder = tmp_path_factory.mktemp("trained") / "model"
    noise: dict[str, Any] = {"noise_drop": 0.1, "noise_swap": 1, "noise_mask": 0.1}
    train(PAIRS, VALID, folder, Recipe(**OPTIONS, **noise, epochs=6), report=quiet)
    return folder


def margins(translator: Translator) -> np.ndarray:
    """By how many nats each target is more probable than without its second word."""
    others = [(source, " ".join(np.delete(target.split(), 1))) for source, target in VALID]
    found = [
        np.array([pair.log_probability for pair in pair_likelihoods(translator, pairs)])
        for pairs in (VALID, others)
    ]
    return found[0] - found[1]


@pytest.mark.slow  # Trains twice: 18 s.
def test_contrastive_learning_makes_a_missing_word_less_probable(
    trained: Path, tmp_path: Path
) -> None:
    recipe = replace(Recipe(**OPTIONS), learning_rate=5e-3, contrastive_margin=20.0, epochs=4)
    start = Start(translator=trained)
    after = train(PAIRS, None, tmp_path / "model", recipe, start=start, report=quiet)
    assert margins(after).mean() > margins(Translator.load(trained)).mean() + 1
    written = json.loads((tmp_path / "model" / "history.json").read_bytes())
    assert written["loss"][-1] < written["loss"][0]
    assert len(written["val_perplexity"]) == 4  # As in any other training.


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start": None}, "needs a trained model to start from.* with no `translator`"),
        ({"alignments": ["0-0"] * 100}, "needs pairs without alignments.* with alignments"),
        (
            {"run": Run(strategy="mirrored")},
            "needs training without a strategy.* with a `strategy`",
        ),
    ],
)
def test_what_it_cannot_go_with_is_told_before_the_training(
    changes: dict[str, Any], message: str, trained: Path, tmp_path: Path
) -> None:
    recipe = Recipe(**OPTIONS, contrastive_margin=0.1)
    options: dict[str, Any] = {"start": Start(translator=trained), "report": quiet}
    with pytest.raises(ValueError, match=f"Contrastive learning {message}"):
        train(PAIRS, VALID, tmp_path / "model", recipe, **options | changes)
    assert not list(tmp_path.iterdir())


def test_a_prepared_corpus_is_told() -> None:
    given = Given(start=True, prepared=True, alignments=False, strategy=False)
    with pytest.raises(ValueError, match="needs pairs in memory.* with a prepared corpus"):
        check_combination(Recipe(contrastive_margin=0.1), given)


@pytest.mark.parametrize("other", [{"label_smoothing": 0.2}, {"scheduled_sampling": "linear"}])
def test_options_of_the_cross_entropy_are_not_ignored(other: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="left out with `contrastive_margin`. Received: "):
        Recipe(contrastive_margin=0.1, **other)

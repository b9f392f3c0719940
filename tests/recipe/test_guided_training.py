"""A training that is guided by alignments: closer to them, and resumed bit for bit."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras_s2s import Translator
from keras_s2s.data.alignments import read_links
from keras_s2s.evaluation.alignment import align, alignment_error_rate
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.resume import Run
from keras_s2s.recipe.train import train

OPTIONS: dict[str, Any] = {
    "source_tokenizer": "word",  # All pairs have one length: one shape to prepare.
    "units": 16,
    "embedding_dimension": 16,
    "input_feeding": True,
    "batch_sentences": 10,
    "gradient_accumulation_steps": 2,
    "epochs": 12,
    "learning_rate": 2e-2,
    "ema_momentum": 0.0,
    "guided_alignment_decay": 0.95,
}


def reversed_words(count: int, seed: int) -> tuple[list[tuple[str, str]], list[str]]:
    """Four words each, in their order and backwards in another language, and their links."""
    draw = random.Random(seed)
    rows = [draw.choices("red blue dog cat sun tree".split(), k=4) for _ in range(count)]
    pairs = [(" ".join(row), " ".join(f"{word[::-1]}o" for word in row[::-1])) for row in rows]
    return pairs, ["0-3 1-2 2-1 3-0"] * count


PAIRS, LINES = reversed_words(100, seed=1)
VALID, VALID_LINES = reversed_words(20, seed=2)
LINES[3] = LINES[50] = ""


def run(folder: Path, weight: float = 1.0, report: Any = lambda _: None, **more: Any) -> Translator:
    recipe = Recipe(**OPTIONS, guided_alignment_weight=weight)
    return train(PAIRS, VALID, folder, recipe, alignments=LINES, report=report, **more)


@pytest.fixture(scope="module")
def guided(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("guided") / "model"
    run(folder)
    return folder


@pytest.mark.slow  # Trains with and without alignments: 30 s.
def test_its_attention_is_closer_to_the_alignments(guided: Path, tmp_path: Path) -> None:
    given = [read_links(line, 4, 4) for line in VALID_LINES]

    def error_rate(translator: Translator) -> float:
        return alignment_error_rate([pair.links for pair in align(translator, VALID)], given)

    assert error_rate(Translator.load(guided)) < error_rate(run(tmp_path / "model", 0.0)) - 0.2
    history = json.loads((guided / "history.json").read_bytes())
    assert len(history["loss"]) == len(history["val_loss"]) == 12


@pytest.mark.slow  # Trains three times: 22 s.
def test_interrupted_in_an_epoch_it_trains_the_same_weights(guided: Path, tmp_path: Path) -> None:
    class Interrupted(Exception):
        pass

    def interrupt(line: str) -> None:
        if line.startswith("epoch 2"):
            raise Interrupted

    options: dict[str, Any] = {"checkpoint_steps": 3}
    with pytest.raises(Interrupted):
        run(tmp_path / "model", report=interrupt, run=Run(**options))
    lines: list[str] = []
    again = run(tmp_path / "model", report=lines.append, run=Run(**options, resume=True))
    assert lines[0].startswith("resuming from ") and lines[0].endswith("18")
    expected = Translator.load(guided).model.get_weights()
    for one, other in zip(again.model.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"alignments": LINES[1:]}, "every pair needs an alignment.*100 pairs and 99 alignments"),
        ({"alignments": None}, "`guided_alignment_decay` needs alignments. Received"),
        ({"recipe": Recipe(attention="none")}, "Alignments guide the attention. Received"),
        (
            {"recipe": Recipe(noise_swap=2)},
            "positions of the words .* alignments with noise_swap=2",
        ),
    ],
)
def test_what_does_not_go_together_is_told_before_the_training(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    options = {"alignments": LINES, "recipe": Recipe(**OPTIONS), "report": lambda _: None}
    with pytest.raises(ValueError, match=message):
        train(PAIRS, VALID, tmp_path / "model", **options | changes)
    assert not list(tmp_path.iterdir())


def test_other_alignments_are_another_training(guided: Path) -> None:
    with pytest.raises(ValueError, match="is finished, and resuming does not replace"):
        recipe = Recipe(**OPTIONS)
        lines = ["", *LINES[1:]]
        options: dict[str, Any] = {"report": lambda _: None, "run": Run(resume=True)}
        train(PAIRS, VALID, guided, recipe, alignments=lines, **options)


@pytest.mark.slow  # Trains twice: 22 s.
def test_weights_of_pairs_go_with_alignments(tmp_path: Path) -> None:
    # What weighs nothing has neither a translation nor an alignment to learn.
    recipe = Recipe(**{**OPTIONS, "epochs": 6})
    wrong = [(source, target.replace("o", "a")) for source, target in PAIRS]
    translator = train(
        [*PAIRS, *wrong],
        VALID,
        tmp_path / "model",
        recipe,
        alignments=[*LINES, *["0-0 1-1 2-2 3-3"] * len(wrong)],
        sample_weight=[1.0] * len(PAIRS) + [0.0] * len(wrong),
        report=lambda _: None,
    )
    answers = translator.translate([source for source, _ in VALID])
    assert not any(word.endswith("a") for answer in answers for word in answer.split())

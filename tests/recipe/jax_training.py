"""Trains under JAX, stopped and resumed, and translates: `jax_training.py FOLDER`."""

import json
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_s2s import Greedy, Translator
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.resume import Run
from keras_s2s.recipe.train import train
from keras_s2s.training.checkpoint_writer import CheckpointWriter

WORDS = ["ab", "ba", "cab", "abc", "bca", "cc", "a", "bb", "acb", "cba"]
PAIRS = [(word, word[::-1]) for word in WORDS]
OPTIONS: dict[str, Any] = {"source_tokenizer": "character", "units": 16, "embedding_dimension": 8}
RECIPE = Recipe(**OPTIONS, batch_tokens=30, epochs=20, dropout=0.1, learning_rate=3e-2)


def run(folder: Path, **options: Any) -> Translator:
    return train(PAIRS, PAIRS, folder, RECIPE, run=Run(**options), report=lambda _: None)


class Crash(Exception):
    """Stands for whatever ends a process."""


def crash_in(folder: Path) -> None:
    """Train up to the seventh step."""
    after_batch = CheckpointWriter.on_train_batch_end

    def crash(self: CheckpointWriter, batch: int, logs: Any = None) -> None:
        after_batch(self, batch, logs)
        if self._position.total == 7:
            raise Crash

    setattr(CheckpointWriter, "on_train_batch_end", crash)  # noqa: B010
    try:
        run(folder, checkpoint_steps=1)
    except Crash:
        return
    finally:
        setattr(CheckpointWriter, "on_train_batch_end", after_batch)  # noqa: B010
    raise AssertionError("it was not stopped")


def main() -> None:
    assert keras.backend.backend() == "jax"
    folder = Path(sys.argv[1])
    whole = run(folder / "whole")
    crash_in(folder / "cut")
    resumed = run(folder / "cut", resume=True, checkpoint_steps=1)
    for one, other in zip(whole.model.get_weights(), resumed.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    answers = Translator.load(folder / "whole").translate(WORDS, search=Greedy())
    assert answers == whole.translate(WORDS, search=Greedy())
    print(json.dumps(answers))


if __name__ == "__main__":
    main()

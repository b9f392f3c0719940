"""How a recipe's model is fitted, and what is told of it afterwards."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keras_s2s.model import Seq2Seq
    from keras_s2s.recipe import Recipe
    from keras_s2s.text.epochs import EpochBatches


def fit(
    model: Seq2Seq,
    batches: EpochBatches,
    valid: tuple[list, list],
    recipe: Recipe,
    report: Callable[[str], None],
) -> dict[str, list[float]]:
    """Run `model.fit`; leave the best averaged weights in the model and return the history."""
    import keras

    from keras_s2s.text.batches import Batches
    from keras_s2s.training.losses import MaskedCrossentropy
    from keras_s2s.training.optimizers import CompiledAdam
    from keras_s2s.training.progress import StepProgress
    from keras_s2s.training.schedules import ProgressSchedule
    from keras_s2s.training.validation import BestWeights

    valid_batches = Batches(*valid, batch_tokens=8192, shuffle=False).epoch(0).cache()
    steps = batches.steps_per_epoch
    if recipe.accumulation > steps * recipe.epochs:
        raise ValueError(
            f"`accumulation` must be at most {steps * recipe.epochs:,}, all batches of the "
            f"training, or no step is made. Received: accumulation={recipe.accumulation}"
        )
    optimizer = CompiledAdam(
        recipe.learning_rate,
        beta_2=0.98,
        global_clipnorm=recipe.clip_norm,
        gradient_accumulation_steps=recipe.accumulation if recipe.accumulation > 1 else None,
        use_ema=recipe.averaging > 0,
        ema_momentum=recipe.averaging,
    )
    model.compile(optimizer, loss=MaskedCrossentropy(recipe.label_smoothing))
    best = BestWeights(
        valid_batches, recipe.patience, report, batches.target_tokens, recipe.choose_by
    )
    callbacks = [
        ProgressSchedule(recipe.learning_rate, steps * recipe.epochs, recipe.minutes),
        *([keras.callbacks.SwapEMAWeights(swap_on_epoch=True)] if recipe.averaging else []),
        *([StepProgress()] if sys.stderr.isatty() else []),
        best,
    ]
    history = model.fit(
        batches.dataset(),
        epochs=recipe.epochs,
        steps_per_epoch=steps,
        callbacks=callbacks,
        verbose=0,
        shuffle=False,
    )
    best.restore()
    return {name: [float(v) for v in values] for name, values in history.history.items()}


def write_history(folder: Path, recipe: Recipe, history: dict[str, list[float]]) -> None:
    """Write `recipe.json`, `history.json` and `curves.png` into a folder."""
    from keras_s2s.evaluation.plots import training_curves

    finite = {
        name: [value if math.isfinite(value) else None for value in values]
        for name, values in history.items()
    }
    for name, value in (("recipe", asdict(recipe)), ("history", finite)):
        text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    training_curves(history, folder / "curves.png")

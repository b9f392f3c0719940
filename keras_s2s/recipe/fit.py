"""How a recipe's model is fitted, and what is told of it afterwards."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras_s2s.data.epochs import EpochBatches
    from keras_s2s.model import Seq2Seq
    from keras_s2s.recipe.config import Recipe
    from keras_s2s.training.checkpoints import Checkpoints


def fit(
    model: Seq2Seq,
    batches: EpochBatches,
    valid: tuple[list, list],
    recipe: Recipe,
    checkpoints: Checkpoints,
    report: Callable[[str], None],
) -> dict[str, list[float]]:
    """Train, from the newest checkpoint on; leave the best averaged weights in the model.

    Returns:
        The history.

    Raises:
        ValueError: No epoch gave weights that can be used, or no step would be made.
    """
    from keras_s2s.data.batches import Batches
    from keras_s2s.training.divergence import DivergedError, TerminateOnDivergence
    from keras_s2s.training.progress import StepProgress
    from keras_s2s.training.resume import TrainingHistory, resumable_fit
    from keras_s2s.training.schedules import ProgressSchedule
    from keras_s2s.training.validation import BestWeights
    from keras_s2s.training.weight_averaging import AveragedWeights

    valid_batches = Batches(*valid, batch_tokens=8192, shuffle=False).epoch(0).cache()
    steps = batches.steps_per_epoch
    if recipe.accumulation > steps * recipe.epochs:
        raise ValueError(
            f"`accumulation` must be at most {steps * recipe.epochs:,}, all batches of the "
            f"training, or no step is made. Received: accumulation={recipe.accumulation}"
        )
    best = BestWeights(
        valid_batches, recipe.patience, report, batches.target_tokens, recipe.choose_by
    )
    divergence = TerminateOnDivergence(
        most=10 * math.log(model.decoder.vocabulary_size),
        name_batch=_batch_namer(batches),
        steps_per_epoch=steps,
    )
    callbacks = [
        divergence,
        ProgressSchedule(recipe.learning_rate, steps * recipe.epochs, recipe.minutes),
        *([AveragedWeights()] if recipe.averaging else []),
        *([StepProgress()] if sys.stderr.isatty() else []),
        best,
    ]
    history = TrainingHistory()
    try:
        resumable_fit(
            model, batches, recipe.epochs, checkpoints, callbacks, history=history, verbose=0
        )
    except DivergedError as error:
        cure = "Lower the learning rate, or train in float32."
        if best.best_epoch < 0:
            raise ValueError(f"{error}, before any epoch was validated. {cure}") from error
        report(f"{error}: training ends with the best weights before. {cure}")
    best.restore()
    return history.history


def compile_model(model: Seq2Seq, recipe: Recipe) -> None:
    """Give a model what a recipe trains it with; in the scope of its strategy."""
    from keras_s2s.training.losses import MaskedCrossentropy
    from keras_s2s.training.optimizers import CompiledAdam

    optimizer = CompiledAdam(
        recipe.learning_rate,
        beta_2=0.98,
        global_clipnorm=recipe.clip_norm,
        gradient_accumulation_steps=recipe.accumulation if recipe.accumulation > 1 else None,
        use_ema=recipe.averaging > 0,
        ema_momentum=recipe.averaging,
    )
    model.compile(optimizer, loss=MaskedCrossentropy(recipe.label_smoothing))


def _batch_namer(batches: Any) -> Callable[[int, int], str]:
    from keras_s2s.data.batches import Batches

    def name(epoch: int, step: int) -> str:
        if not isinstance(batches, Batches):
            return _name_in_shard(batches.plan(epoch), step)
        pairs = batches.plan(epoch)[step]
        some = ", ".join(f"{pair + 1:,}" for pair in pairs[:5])
        return f"pairs {some}{f' and {len(pairs) - 5:,} more' if len(pairs) > 5 else ''}"

    return name


def _name_in_shard(plan: list[tuple[int, int]], step: int) -> str:
    for shard, steps in plan:
        if step < steps:
            return f"batch {step + 1} of shard {shard}"
        step -= steps
    return "of no shard"


def write_history(
    folder: Path, recipe: Recipe, history: dict[str, list[float]], identity: dict[str, Any]
) -> None:
    """Write `recipe.json`, `history.json`, `training.json` and `curves.png` into a folder."""
    from keras_s2s.evaluation.plots import training_curves
    from keras_s2s.recipe.resume import write_identity

    finite = {
        name: [value if math.isfinite(value) else None for value in values]
        for name, values in history.items()
    }
    write_identity(folder, identity)
    contents = {"recipe": asdict(recipe), "history": finite}
    for name, value in contents.items():
        text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    training_curves(history, folder / "curves.png")

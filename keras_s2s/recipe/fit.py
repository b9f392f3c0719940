"""Compiling and fitting a recipe's model, and saving its history."""

from __future__ import annotations

import csv
import itertools
import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_s2s.recipe.config import LEARNING_RATE, Recipe

if TYPE_CHECKING:
    import keras

    from keras_s2s.data.epochs import EpochBatches
    from keras_s2s.model import Seq2Seq
    from keras_s2s.training.checkpoints import Checkpoints
    from keras_s2s.training.schedules import ProgressSchedule
    from keras_s2s.training.validation import BestWeights


def fit(
    model: keras.Model,
    batches: EpochBatches,
    valid: tuple[list, list] | None,
    recipe: Recipe,
    checkpoints: Checkpoints,
    report: Callable[[str], None],
    more_callbacks: Sequence[keras.callbacks.Callback] = (),
) -> dict[str, list[float]]:
    """Train, from the newest checkpoint on, and restore the best averaged weights.

    Without validation data the last averaged weights stay in the model.

    Args:
        model: What `compile_model` returned.
        batches: The batches to train on.
        valid: Ids of the sources and targets of the validation; `None` for none.
        recipe: The options.
        checkpoints: Where the checkpoints are.
        report: Receives progress messages.
        more_callbacks: Callbacks that come after the validation.

    Returns:
        The history.

    Raises:
        ValueError: Training diverged before the first validation, or no step would be made.
    """
    from keras_s2s.training.divergence import DivergedError, TerminateOnDivergence
    from keras_s2s.training.epoch_report import EpochReport
    from keras_s2s.training.progress import StepProgress, TimeEstimate
    from keras_s2s.training.resume import TrainingHistory, resumable_fit
    from keras_s2s.training.weight_averaging import AveragedWeights

    steps, tokens = batches.steps_per_epoch, batches.target_tokens
    epochs = recipe.epochs if recipe.steps is None else math.ceil(recipe.steps / steps)
    _check_steps(recipe, recipe.steps or steps * epochs)
    best = None if valid is None else _best_weights(valid, batches, recipe, report)
    callbacks = [
        TerminateOnDivergence(_highest_loss(model, recipe, batches), _batch_namer(batches), steps),
        *([AveragedWeights()] if recipe.ema_momentum else []),
        *([StepProgress(tokens_per_epoch=tokens)] if sys.stderr.isatty() else []),
        TimeEstimate(report, epochs, recipe.minutes),
        EpochReport(report) if best is None else best,
        _schedule(recipe, recipe.steps or steps * epochs, report),
        *more_callbacks,
    ]
    found = TrainingHistory()
    try:
        resumable_fit(model, batches, epochs, checkpoints, callbacks, history=found, verbose=0)
    except DivergedError as error:
        cure = _cure(recipe)
        if best is None or best.best_epoch < 0:
            raise ValueError(f"{error}, before any epoch was validated. {cure}") from error
        report(f"{error}: training ends with the best weights before. {cure}")
    if best is not None:
        best.restore()
        report(f"the best weights are those of epoch {best.best_epoch + 1}")
    return found.history


def _schedule(recipe: Recipe, steps: int, report: Callable[[str], None]) -> ProgressSchedule:
    from keras_s2s.training.plateau import PlateauSchedule
    from keras_s2s.training.schedules import ProgressSchedule

    rate = recipe.learning_rate or LEARNING_RATE
    if recipe.schedule == "plateau":
        return PlateauSchedule(rate, steps, recipe.minutes, report=report, monitor=recipe.monitor)
    return ProgressSchedule(rate, steps, recipe.minutes)


def _cure(recipe: Recipe) -> str:
    """What to do about a training that diverged."""
    other = "" if recipe.precision == "float32" else ", or train in float32"
    return f"Lower the learning rate{other}."


def _best_weights(
    valid: tuple[list, list], batches: EpochBatches, recipe: Recipe, report: Callable[[str], None]
) -> BestWeights:
    from keras_s2s.data.batches import Batches
    from keras_s2s.training.validation import BestWeights

    valid_batches = Batches(*valid, batch_tokens=8192, shuffle=False).epoch(0).cache()
    target_tokens = batches.target_tokens
    return BestWeights(valid_batches, recipe.patience, report, target_tokens, recipe.monitor)


def _highest_loss(model: keras.Model, recipe: Recipe, batches: EpochBatches) -> float:
    """The loss of a batch above which a training has diverged."""
    from keras_s2s.data.contrastive_batches import ContrastiveBatches
    from keras_s2s.training.guided_alignment import LARGEST_LOSS

    highest = 10 * math.log(model.outputs[0].shape[-1])
    if isinstance(batches, ContrastiveBatches):  # The sum over all tokens of a target.
        return highest * batches.longest_target + (recipe.contrastive_margin or 0)
    is_aligned = len(model.outputs) > 1
    return highest + recipe.guided_alignment_weight * LARGEST_LOSS * is_aligned


def _check_steps(recipe: Recipe, batches: int) -> None:
    accumulated = recipe.gradient_accumulation_steps
    if accumulated > batches:
        raise ValueError(
            f"`gradient_accumulation_steps` must be at most {batches:,}, all batches of the "
            "training, or no step is made. Received: "
            f"gradient_accumulation_steps={accumulated}"
        )


def compile_model(
    model: Seq2Seq, recipe: Recipe, batches: EpochBatches | None = None
) -> keras.Model:
    """Compile a model with the optimizer and the loss of a recipe; in the strategy's scope.

    Args:
        model: The model.
        recipe: The options.
        batches: What it is trained on, whose kind decides on the loss; `None` for usual batches.

    Returns:
        The model to train: the given one, or one with the same weights whose second output is the
        attention weights.

    Raises:
        ValueError: There are alignments, and the model has no attention.
    """
    from keras_s2s.data.aligned_batches import AlignedBatches
    from keras_s2s.training.guided_alignment import GuidedAlignment, with_attention
    from keras_s2s.training.optimizers import CompiledAdam

    accumulated = recipe.gradient_accumulation_steps
    optimizer = CompiledAdam(
        recipe.learning_rate or LEARNING_RATE,
        beta_2=0.98,
        global_clipnorm=recipe.global_clipnorm,
        gradient_accumulation_steps=None if accumulated == 1 else accumulated,
        use_ema=recipe.ema_momentum > 0,
        ema_momentum=recipe.ema_momentum,
    )
    loss = _loss(recipe, batches)
    if not isinstance(batches, AlignedBatches):
        model.compile(optimizer, loss=loss)
        return model
    guided = with_attention(model)
    guided.compile(optimizer, loss=[loss, GuidedAlignment(recipe.guided_alignment_weight)])
    return guided


def _loss(recipe: Recipe, batches: EpochBatches | None) -> keras.losses.Loss:
    from keras_s2s.data.distilled_batches import DistilledBatches
    from keras_s2s.training.distillation import DistilledCrossentropy
    from keras_s2s.training.losses import MaskedCrossentropy
    from keras_s2s.training.max_margin import MaxMargin

    if isinstance(batches, DistilledBatches):
        return DistilledCrossentropy()
    if recipe.contrastive_margin is not None:
        return MaxMargin(recipe.contrastive_margin)
    return MaskedCrossentropy(recipe.label_smoothing)


def _batch_namer(batches: Any) -> Callable[[int, int], str]:
    from keras_s2s.data.sharded_batches import ShardedBatches

    def name(epoch: int, step: int) -> str:
        if isinstance(batches, ShardedBatches):
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
    """Write the recipe, the history, the training's identity and its curves into a folder."""
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
    with (folder / "history.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["epoch", *history])
        rows.writerows(zip(itertools.count(1), *history.values(), strict=False))
    training_curves(history, folder / "curves.png")

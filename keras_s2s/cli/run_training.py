"""What the commands that train have in common: `train` and `distill`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from keras_s2s.cli.console import say
from keras_s2s.cli.devices import ended_by_sigterm, load_strategy
from keras_s2s.cli.inputs import check_columns
from keras_s2s.cli.options import about, given_names
from keras_s2s.cli.training_inputs import (
    PairFiles,
    TrainingFiles,
    ValidationFiles,
    read_training,
    read_validation,
    without_replaced,
)
from keras_s2s.recipe.auto_recipe import AutoRecipe
from keras_s2s.recipe.combinations import Given, check_combination
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.resume import Run
from keras_s2s.recipe.start import Start
from keras_s2s.recipe.train import train
from keras_s2s.text.option_fields import options_of

Strategy = Annotated[
    str,
    about(
        "Devices: none for a single device, mirrored for all GPUs of this machine, multi_worker for"
        " the machines in TF_CONFIG, tpu for a TPU.",
        "none|mirrored|multi_worker|tpu",
        panel="run",
    ),
]
Effort = Annotated[
    str,
    about(
        "How much is spent on a new model: quick shows in some minutes whether the data are right;"
        " thorough trains several models and distills them into one.",
        "quick|normal|thorough",
        panel="training",
    ),
]


class TrainingOptions(NamedTuple):
    """The options of a command that trains.

    Attributes:
        files: The data.
        validation: The data of the validation.
        recipe: How to train.
        run: Where it runs.
        effort: As for `AutoRecipe`.
        strategy: The devices, by name.
    """

    files: PairFiles
    validation: ValidationFiles
    recipe: Recipe
    run: Run
    effort: str
    strategy: str


def run_training(
    context: typer.Context,
    output: Path,
    options: TrainingOptions,
    make_start: Callable[[], Start],
) -> None:
    """Check all options, read the data and train.

    Args:
        context: The command's context, which knows the options that were given.
        output: Where the model is saved.
        options: The options.
        make_start: Returns what the training starts from, or raises an error.
    """
    from keras_s2s.inference.storage import TRANSLATOR
    from keras_s2s.training.distribution import check_strategy

    options.run.check_packages()
    TRANSLATOR.check_goal(output)
    check_strategy(options.strategy)
    start = make_start()
    given = without_replaced(context, options.files, options.validation, options.recipe)
    files, validation, recipe = given
    columns = check_columns(files.columns, files.tsv, validation.valid_tsv)
    auto = AutoRecipe(effort=options.effort, **_given_options(context, recipe))
    _check_together(recipe, auto, _given(start, files, options.strategy))
    validation.check_share(recipe.valid_share)
    data = read_training(context, files, columns)
    valid_pairs = read_validation(validation, columns)
    run = replace(options.run, strategy=load_strategy(options.strategy))
    with ended_by_sigterm():
        train(
            data.pairs,
            valid_pairs,
            output,
            auto,
            sample_weight=data.sample_weight,
            alignments=data.alignments,
            start=start,
            run=run,
            report=say,
        )


def _check_together(recipe: Recipe, auto: AutoRecipe, given: Given) -> None:
    """Check the options before anything is chosen or read; a thorough training has teachers."""
    if auto.effort != "thorough" or "teachers" in auto.given:
        return check_combination(recipe, given)
    if given.teachers:
        raise ValueError(
            "A thorough training trains its own teachers. Received: effort='thorough' with other "
            "teachers. Leave one of them out."
        )
    try:
        check_combination(replace(recipe, teachers=1), given)
    except ValueError as error:
        raise ValueError(f"With effort='thorough', teachers are trained first. {error}") from error


def _given_options(context: typer.Context, recipe: Recipe) -> dict[str, Any]:
    """The options of the recipe that were given; the others are to be chosen."""
    names = given_names(context)
    return {
        one.name: getattr(recipe, one.name) for one, _ in options_of(recipe) if one.name in names
    }


def _given(start: Start, files: PairFiles, strategy: str) -> Given:
    is_full = isinstance(files, TrainingFiles)
    return Given(
        start=start.translator is not None,
        prepared=is_full and files.prepared is not None,
        alignments=is_full and files.alignments is not None,
        strategy=strategy != "none",
        teachers=bool(start.teachers),
    )

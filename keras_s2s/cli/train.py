"""The command `keras-s2s train`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import typer

from keras_s2s.cli.config_file import Config
from keras_s2s.cli.console import say
from keras_s2s.cli.devices import ended_by_sigterm, load_strategy
from keras_s2s.cli.inputs import check_columns
from keras_s2s.cli.options import (
    Output,
    about,
    from_fields,
    given_names,
)
from keras_s2s.cli.start import StartFiles
from keras_s2s.cli.training_inputs import (
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
from keras_s2s.recipe.train import train as train_model
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
        "How much is spent on a new model: quick shows in some minutes whether the data are right.",
        "quick|normal",
        panel="training",
    ),
]


@from_fields
def train(
    context: typer.Context,
    output: Output,
    files: TrainingFiles,
    validation: ValidationFiles,
    beginning: StartFiles,
    recipe: Recipe,
    run: Run,
    effort: Effort = "normal",
    strategy: Strategy = "none",
    config: Config = None,
) -> None:
    """Train a model on pairs of texts. The best weights and the tokenizers are saved.

    Options that are not given are chosen from the data and the machine.
    """
    from keras_s2s.inference.storage import TRANSLATOR
    from keras_s2s.training.distribution import check_strategy

    run.check_packages()
    TRANSLATOR.check_goal(output)
    check_strategy(strategy)
    start = beginning.start(context, output)
    files, validation, recipe = without_replaced(context, files, validation, recipe)
    columns = check_columns(files.columns, files.tsv, validation.valid_tsv)
    check_combination(recipe, _given(beginning, files, strategy))
    validation.check_share(recipe.valid_share)
    data = read_training(context, files, columns)
    valid_pairs = read_validation(validation, columns)
    run = replace(run, strategy=load_strategy(strategy))
    with ended_by_sigterm():
        train_model(
            data.pairs,
            valid_pairs,
            output,
            AutoRecipe(effort=effort, **_given_options(context, recipe)),
            sample_weight=data.sample_weight,
            alignments=data.alignments,
            start=start,
            run=run,
            report=say,
        )


def _given_options(context: typer.Context, recipe: Recipe) -> dict[str, Any]:
    """The options of the recipe that were given; the others are to be chosen."""
    names = given_names(context)
    return {
        one.name: getattr(recipe, one.name) for one, _ in options_of(recipe) if one.name in names
    }


def _given(beginning: StartFiles, files: TrainingFiles, strategy: str) -> Given:
    return Given(
        start=beginning.from_model is not None,
        prepared=files.prepared is not None,
        alignments=files.alignments is not None,
        strategy=strategy != "none",
    )

"""The commands `keras-s2s train` and `keras-s2s distill`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from keras_s2s.cli.config_file import Config
from keras_s2s.cli.options import Output, about, from_fields, given_names
from keras_s2s.cli.run_training import Effort, Strategy, TrainingOptions, run_training
from keras_s2s.cli.start import StartFiles, checked_start
from keras_s2s.cli.training_inputs import PairFiles, TrainingFiles, ValidationFiles
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.resume import Run
from keras_s2s.recipe.start import Start

Teacher = Annotated[
    list[Path],
    about(
        "Folder of a trained model to distill; repeat the option for an ensemble. All must have the"
        " same tokenizers, which the new model takes over.",
        "DIR",
        "--teacher",
        panel="start",
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
    options = TrainingOptions(files, validation, recipe, run, effort, strategy)
    run_training(context, output, options, partial(beginning.start, context, output))


@from_fields
def distill(
    context: typer.Context,
    output: Output,
    teacher: Teacher,
    files: PairFiles,
    validation: ValidationFiles,
    recipe: Recipe,
    run: Run,
    effort: Effort = "normal",
    strategy: Strategy = "none",
    config: Config = None,
) -> None:
    """Distill trained models into one: train it on pairs of texts and on their predictions.

    Several teachers are averaged as an ensemble. Options that are not given are chosen as for
    train.
    """
    start = Start(teachers=teacher, given=given_names(context))
    options = TrainingOptions(files, validation, recipe, run, effort, strategy)
    run_training(context, output, options, partial(checked_start, start, output))

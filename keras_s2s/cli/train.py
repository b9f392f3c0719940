"""The command `keras-s2s train`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from keras_s2s.cli.alignments import check_alignment_options, read_aligned_pairs
from keras_s2s.cli.console import say
from keras_s2s.cli.devices import ended_by_sigterm, load_strategy
from keras_s2s.cli.inputs import check_columns, open_training, read_pairs
from keras_s2s.cli.options import (
    Columns,
    File,
    Output,
    Source,
    Target,
    Tsv,
    about,
    from_fields,
)
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.resume import Run
from keras_s2s.recipe.train import train as train_model

Prepared = Annotated[
    File,
    about(
        "Output folder of keras-s2s prepare, instead of --source and --target.", "DIR", panel="data"
    ),
]
Alignments = Annotated[
    File,
    about(
        "Word alignments that guide the attention: a line per pair, links i-j between source word i"
        " and target word j, from 0.",
        "FILE",
        panel="data",
    ),
]
ValidSource = Annotated[
    File, about("Source text for validation, which selects the best weights.", "FILE", panel="data")
]
ValidTarget = Annotated[File, about("Target text for validation.", "FILE", panel="data")]
ValidTsv = Annotated[
    File, about("Source and target for validation in one tab-separated file.", "FILE", panel="data")
]
Strategy = Annotated[
    str,
    about(
        "Devices: none for a single device, mirrored for all GPUs of this machine, multi_worker for"
        " the machines in TF_CONFIG, tpu for a TPU.",
        "none|mirrored|multi_worker|tpu",
        panel="run",
    ),
]


@from_fields
def train(
    context: typer.Context,
    output: Output,
    recipe: Recipe,
    run: Run,
    source: Source = None,
    target: Target = None,
    tsv: Tsv = None,
    columns: Columns = None,
    prepared: Prepared = None,
    alignments: Alignments = None,
    valid_source: ValidSource = None,
    valid_target: ValidTarget = None,
    valid_tsv: ValidTsv = None,
    strategy: Strategy = "none",
) -> None:
    """Train a model on sentence pairs. The best weights and the tokenizers are saved."""
    from keras_s2s.inference.storage import TRANSLATOR
    from keras_s2s.training.distribution import check_strategy

    TRANSLATOR.check_goal(output)
    check_strategy(strategy)
    chosen = check_columns(columns, tsv, valid_tsv)
    check_alignment_options(alignments, prepared, recipe)
    if alignments is None:
        pairs, guides = open_training(context, source, target, tsv, prepared, chosen), None
    else:
        pairs, guides = read_aligned_pairs(source, target, tsv, alignments, columns=chosen)
    valid_pairs = read_pairs("valid-", valid_source, valid_target, valid_tsv, columns=chosen)
    run = replace(run, strategy=load_strategy(strategy))
    with ended_by_sigterm():
        train_model(pairs, valid_pairs, output, recipe, alignments=guides, run=run, report=say)

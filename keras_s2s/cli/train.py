"""The command `keras-s2s train`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from keras_s2s.cli.console import say
from keras_s2s.cli.devices import ended_by_sigterm, load_strategy
from keras_s2s.cli.inputs import check_columns, open_training, open_validation
from keras_s2s.cli.options import (
    Columns,
    File,
    Output,
    Source,
    Target,
    Tsv,
    Weights,
    about,
    from_fields,
    given_names,
)
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.freeze import PARTS
from keras_s2s.recipe.resume import Run
from keras_s2s.recipe.start import Start
from keras_s2s.recipe.train import train as train_model

Prepared = Annotated[
    File,
    about(
        "Output folder of keras-s2s prepare, instead of --source and --target.", "DIR", panel="data"
    ),
]
ValidSource = Annotated[
    File, about("Source text for validation, which selects the best weights.", "FILE", panel="data")
]
ValidTarget = Annotated[File, about("Target text for validation.", "FILE", panel="data")]
ValidTsv = Annotated[
    File, about("Source and target for validation in one tab-separated file.", "FILE", panel="data")
]
From = Annotated[
    File,
    about(
        "Folder of a trained model to continue or fine-tune: its architecture, weights and"
        " tokenizers are used.",
        "DIR",
        "--from",
        panel="start",
    ),
]
Vocabulary = Annotated[
    str,
    about(
        "With --from: keep the tokenizers as they are, or extend them by what they lack for the"
        " new data.",
        "keep|extend",
        panel="start",
    ),
]
Freeze = Annotated[
    list[str] | None,
    about(
        "Part of the model that is not trained; repeat the option for several. One of"
        f" {', '.join(PARTS)}.",
        "PART",
        panel="start",
    ),
]
SourceEmbeddings = Annotated[
    File,
    about(
        "Pretrained embeddings of the source: word2vec (text or binary), GloVe or fastText, plain"
        " or .gz.",
        "FILE",
        panel="start",
    ),
]
TargetEmbeddings = Annotated[
    File, about("Pretrained embeddings of the target.", "FILE", panel="start")
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
    weights: Weights = None,
    prepared: Prepared = None,
    valid_source: ValidSource = None,
    valid_target: ValidTarget = None,
    valid_tsv: ValidTsv = None,
    strategy: Strategy = "none",
    from_model: From = None,
    vocabulary: Vocabulary = "keep",
    freeze: Freeze = None,
    source_embeddings: SourceEmbeddings = None,
    target_embeddings: TargetEmbeddings = None,
) -> None:
    """Train a model on sentence pairs. The best weights and the tokenizers are saved."""
    from keras_s2s.inference.storage import TRANSLATOR
    from keras_s2s.training.distribution import check_strategy

    TRANSLATOR.check_goal(output)
    check_strategy(strategy)
    start = Start(
        translator=from_model,
        vocabulary=vocabulary,
        freeze=freeze or (),
        source_embeddings=source_embeddings,
        target_embeddings=target_embeddings,
        given=given_names(context),
    ).loaded()
    chosen = check_columns(columns, tsv, valid_tsv)
    pairs, sample_weight = open_training(context, source, target, tsv, weights, prepared, chosen)
    valid = valid_source, valid_target, valid_tsv
    valid_pairs = open_validation(*valid, columns=chosen, share=recipe.valid_share)
    run = replace(run, strategy=load_strategy(strategy))
    with ended_by_sigterm():
        train_model(
            pairs,
            valid_pairs,
            output,
            recipe,
            sample_weight=sample_weight,
            start=start,
            run=run,
            report=say,
        )

"""The command `keras-s2s prepare`."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keras_s2s.cli.console import say
from keras_s2s.cli.inputs import check_columns, open_corpus
from keras_s2s.cli.options import (
    Columns,
    File,
    Target,
    Tsv,
    Weights,
    about,
    from_fields,
    given_names,
)
from keras_s2s.text.options import TextOptions

if TYPE_CHECKING:
    from keras_s2s.data.corpus import Corpus

Duplicates = Annotated[
    str,
    about(
        "Duplicate pairs: ignore does not look for them, keep counts them, remove drops them."
        " Counting and removing take up to 36 bytes of memory per pair.",
        "ignore|keep|remove",
        panel="data",
    ),
]


FromModel = Annotated[
    File,
    about(
        "Folder of a trained model whose tokenizers are used, to fine-tune it by train --from.",
        "DIR",
        "--from",
        panel="text",
    ),
]
Output = Annotated[
    Path, about("Output folder; a prepared corpus that is there is replaced.", "DIR", panel="data")
]
Source = Annotated[
    File, about("Source text, one sentence per line; plain, .gz or .xz.", "FILE", panel="data")
]
TokenizerPairs = Annotated[
    int, about("Maximum number of pairs to train the tokenizers on.", "N", panel="text")
]
ValidShare = Annotated[
    float,
    about(
        "Share of the pairs to hold out for validation, all pairs of a source together.",
        "X",
        panel="data",
    ),
]
Seed = Annotated[int, about("Random seed for the order of the pairs.", "N", panel="run")]
Workers = Annotated[
    int | None, about("Number of worker processes; by default one per core.", "N", panel="run")
]


@from_fields
def prepare(
    context: typer.Context,
    output: Output,
    options: TextOptions,
    source: Source = None,
    target: Target = None,
    tsv: Tsv = None,
    columns: Columns = None,
    weights: Weights = None,
    duplicates: Duplicates = "ignore",
    from_model: FromModel = None,
    tokenizer_pairs: TokenizerPairs = 200_000,
    valid_share: ValidShare = 0.0,
    seed: Seed = 1,
    workers: Workers = None,
) -> None:
    """Convert a corpus of any size into shards for training. An interrupted run is resumed.

    Tokenizers that are not given are chosen from the data, as for train.
    """
    from keras_s2s.data.prepare import prepare as prepare_corpus

    chosen = check_columns(columns, tsv)
    corpus = open_corpus("", source, target, tsv, columns=chosen, duplicates=duplicates)
    prepared = prepare_corpus(
        corpus,
        output,
        _chosen(context, options, corpus) if from_model is None else None,
        tokenizers=_tokenizers_of(context, from_model),
        weights=weights,
        seed=seed,
        tokenizer_pairs=tokenizer_pairs,
        valid_share=valid_share,
        workers=workers,
        report=say,
    )
    say(f"{prepared.pairs:,} pairs in {output}")


def _chosen(context: typer.Context, options: TextOptions, corpus: Corpus) -> TextOptions:
    """The options of the texts: as they were given, or else chosen from the corpus."""
    from keras_s2s.recipe.auto_recipe import AutoRecipe

    names = {field.name for field in fields(TextOptions)}
    given = {name: getattr(options, name) for name in given_names(context) & names}
    if given.keys() >= TextOptions.CHOSEN:
        return options
    auto = AutoRecipe(**given)
    try:
        return auto.choose_text(corpus, say)
    except ValueError:  # What is wrong with the corpus, `prepare` finds again and tells.
        return options


def _tokenizers_of(context: typer.Context, folder: Path | None) -> tuple[Any, Any] | None:
    """The tokenizers of a model, unless an option contradicts them; `None` without a model."""
    from keras_s2s.data.prepared_corpus import TEXT_OPTIONS
    from keras_s2s.inference.storage import load_tokenizers

    if folder is None:
        return None
    for name in sorted(given_names(context) & {*TEXT_OPTIONS, "tokenizer_pairs"}):
        raise ValueError(
            f"`{name}` is settled by the model whose tokenizers are used. Received: `{name}` with "
            f"--from {folder}. Leave one of them out."
        )
    return load_tokenizers(folder)

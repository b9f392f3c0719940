"""The command `keras-s2s prepare`, and how a training opens what it wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from keras_s2s.cli_options import (
    File,
    JointVocabulary,
    SourceNormalization,
    SourceTokenizer,
    Target,
    TargetNormalization,
    TargetTokenizer,
    Tsv,
    VocabularySize,
    about,
    open_corpus,
)
from keras_s2s.recipe import Recipe
from keras_s2s.terminal import read_pairs, say

if TYPE_CHECKING:
    from keras_s2s.prepared import PreparedCorpus

DEFAULT = Recipe()


def prepare(
    output: Annotated[Path, about("Folder for the shards: a new one, or one to replace.", "DIR")],
    source: Annotated[File, about("Sources, one a line; plain, .gz or .xz.", "FILE")] = None,
    target: Target = None,
    tsv: Tsv = None,
    source_tokenizer: SourceTokenizer = DEFAULT.source_tokenizer,
    target_tokenizer: TargetTokenizer = None,
    vocabulary_size: VocabularySize = DEFAULT.vocabulary_size,
    joint_vocabulary: JointVocabulary = DEFAULT.joint_vocabulary,
    source_normalization: SourceNormalization = DEFAULT.source_normalization,
    target_normalization: TargetNormalization = DEFAULT.target_normalization,
    tokenizer_pairs: Annotated[
        int, about("Pairs that the tokenizers are trained on at most.", "N")
    ] = 200_000,
    duplicates: Annotated[
        str,
        about(
            "What becomes of pairs that came before; to count or remove them takes up to 36"
            " bytes of memory a pair.",
            "ignore|keep|remove",
        ),
    ] = "ignore",
    seed: Annotated[
        int, about("The same seed puts the same pairs into a shard.", "N")
    ] = DEFAULT.seed,
    workers: Annotated[
        int | None, about("Processes that encode; by default one a core.", "N")
    ] = None,
) -> None:
    """Turn a corpus of any size into shards to train on; started again, it goes on."""
    from keras_s2s.preparation import prepare as prepare_corpus

    recipe = Recipe(
        source_tokenizer=source_tokenizer,
        target_tokenizer=target_tokenizer,
        vocabulary_size=vocabulary_size,
        joint_vocabulary=joint_vocabulary,
        source_normalization=source_normalization,
        target_normalization=target_normalization,
        seed=seed,
    )
    corpus = open_corpus("", source, target, tsv, duplicates=duplicates)
    prepared = prepare_corpus(
        corpus, output, recipe, tokenizer_pairs=tokenizer_pairs, workers=workers, report=say
    )
    say(f"{prepared.pairs:,} pairs in {output}")


def open_training(
    context: typer.Context,
    source: Path | None,
    target: Path | None,
    tsv: Path | None,
    prepared: Path | None,
) -> list[tuple[str, str]] | PreparedCorpus:
    """What the options of a training name: pairs that are read, or a prepared corpus.

    Args:
        context: The options that were given.
        source: File of the sources.
        target: File of the targets.
        tsv: File of both instead.
        prepared: Folder instead.

    Returns:
        The pairs or the corpus.

    Raises:
        ValueError: The options are not of one kind, or as for both kinds.
        OSError: A file cannot be read.
    """
    if prepared is None:
        return read_pairs("", source, target, tsv)
    from keras_s2s.prepared import TEXT_OPTIONS, PreparedCorpus

    for name in ("source", "target", "tsv", *TEXT_OPTIONS):
        origin = context.get_parameter_source(name)
        if origin is not None and origin.name == "COMMANDLINE":
            option = f"--{name.replace('_', '-')}"
            raise ValueError(
                f"{option} was settled when the corpus was prepared. Received: {option} with "
                f"--prepared. Leave it out, or give it to keras-s2s prepare."
            )
    return PreparedCorpus(prepared)

"""The command `keras-s2s prepare`, and how a training opens what it wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from keras_s2s.cli.console import say
from keras_s2s.cli.inputs import open_corpus
from keras_s2s.cli.options import (
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
)
from keras_s2s.recipe.config import Recipe
from keras_s2s.text.options import TextOptions

if TYPE_CHECKING:
    pass

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
    from keras_s2s.data.prepare import prepare as prepare_corpus

    options = TextOptions(
        source_tokenizer=source_tokenizer,
        target_tokenizer=target_tokenizer,
        vocabulary_size=vocabulary_size,
        joint_vocabulary=joint_vocabulary,
        source_normalization=source_normalization,
        target_normalization=target_normalization,
    )
    corpus = open_corpus("", source, target, tsv, duplicates=duplicates)
    prepared = prepare_corpus(
        corpus,
        output,
        options,
        seed=seed,
        tokenizer_pairs=tokenizer_pairs,
        workers=workers,
        report=say,
    )
    say(f"{prepared.pairs:,} pairs in {output}")

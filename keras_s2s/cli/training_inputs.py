"""What `train` reads: pairs with their weights and alignments, or a prepared corpus; validation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keras_s2s.cli.inputs import checked_pairs, open_corpus, read_pairs
from keras_s2s.cli.options import (
    Columns,
    File,
    Source,
    Target,
    Tsv,
    Weights,
    about,
    given_names,
)

if TYPE_CHECKING:
    from keras_s2s.data.corpus import Corpus
    from keras_s2s.recipe.config import Recipe
    from keras_s2s.recipe.training_pairs import TrainingPairs


DATA = frozenset({"source", "target", "tsv", "prepared"})
VALIDATION = frozenset({"valid_source", "valid_target", "valid_tsv"})


@dataclass(frozen=True, kw_only=True)
class PairFiles:
    """The options of a training that name its pairs."""

    source: Source = None
    target: Target = None
    tsv: Tsv = None
    columns: Columns = None
    weights: Weights = None


@dataclass(frozen=True, kw_only=True)
class TrainingFiles(PairFiles):
    """The options of `train` that name its data."""

    alignments: Annotated[
        File,
        about(
            "Word alignments that guide the attention: a line per pair, links i-j between source"
            " word i and target word j, from 0.",
            "FILE",
            panel="data",
        ),
    ] = None
    prepared: Annotated[
        File,
        about(
            "Output folder of keras-s2s prepare, instead of --source and --target.",
            "DIR",
            panel="data",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class ValidationFiles:
    """The options of `train` that name the data of the validation."""

    valid_source: Annotated[
        File,
        about("Source text for validation, which selects the best weights.", "FILE", panel="data"),
    ] = None
    valid_target: Annotated[File, about("Target text for validation.", "FILE", panel="data")] = None
    valid_tsv: Annotated[
        File,
        about("Source and target for validation in one tab-separated file.", "FILE", panel="data"),
    ] = None

    @property
    def named(self) -> list[Path]:
        """The files."""
        given = self.valid_source, self.valid_target, self.valid_tsv
        return [path for path in given if path is not None]

    def check_share(self, share: float | None) -> None:
        """Raise ValueError if there is a share to hold out as well."""
        if self.named and share is not None:
            raise ValueError(
                "give files for validation or --valid-share, not both. Received: --valid-share "
                f"{share:g} and {self.named[0]}"
            )


def without_replaced(
    context: typer.Context, files: PairFiles, validation: ValidationFiles, recipe: Recipe
) -> tuple[PairFiles, ValidationFiles, Recipe]:
    """The options without those of a configuration that the command line replaces by others.

    Where the command line names training data, others do not count; so it is with validation.
    """
    typed = given_names(context, on_command_line=True)
    if typed & DATA:
        replaced = {name for name in DATA - typed if hasattr(files, name)}
        files = replace(files, **dict.fromkeys(replaced))
    if typed & (VALIDATION | {"valid_share"}):
        validation = replace(validation, **{name: None for name in VALIDATION - typed})
        if "valid_share" not in typed:
            recipe = replace(recipe, valid_share=None)
    return files, validation, recipe


def read_training(
    context: typer.Context, files: PairFiles, columns: tuple[int, int]
) -> TrainingPairs:
    """Read the training data that the options name, and report what was found in them.

    A pair that is skipped takes its weight and its alignment with it.

    Args:
        context: The command's context, which knows the options that were given.
        files: The files.
        columns: Those of the TSV.

    Returns:
        The pairs or the prepared corpus, and what goes with each pair.

    Raises:
        ValueError: The options do not go together, there is no pair, the numbers of lines differ,
            or a line has an error.
        OSError: A file cannot be read.
    """
    from keras_s2s.recipe.training_pairs import TrainingPairs

    if isinstance(files, TrainingFiles) and files.prepared is not None:
        return TrainingPairs(_open_prepared(context, files.prepared))
    return read_files(files, columns)


def read_files(files: PairFiles, columns: tuple[int, int]) -> TrainingPairs:
    """Read pairs, and their weights and alignments; see `read_training`."""
    from keras_s2s.recipe.training_pairs import TrainingPairs

    corpus = open_corpus("", files.source, files.target, files.tsv, columns=columns)
    rows = checked_pairs(_rows(corpus, files), corpus, files.source or files.tsv)
    pairs, weights, alignments = map(list, zip(*rows, strict=True))
    return TrainingPairs(
        pairs,
        None if files.weights is None else weights,
        None if _alignments(files) is None else alignments,
    )


def _alignments(files: PairFiles) -> Path | None:
    return files.alignments if isinstance(files, TrainingFiles) else None


def _rows(corpus: Corpus, files: PairFiles) -> Iterator[tuple[tuple[str, str], Any, Any]]:
    """Each pair with its weight and its alignment, `None` where there are none."""
    from keras_s2s.data.line_values import LineValues
    from keras_s2s.data.line_weights import read_weight

    def values(path: Path | None, what: str, parse: Callable[[str], Any]) -> Any:
        return None if path is None else LineValues(str(path), what, parse)

    weights = values(files.weights, "weights", read_weight)
    alignments = values(_alignments(files), "alignments", str)
    for number, pair in corpus.numbered():
        weight = None if weights is None else weights.at(number, corpus)
        alignment = None if alignments is None else alignments.at(number, corpus)
        if alignment is not None:
            _check_alignment(pair, alignment, f"{_alignments(files)}, line {number}")
        yield pair, weight, alignment
    for one in (weights, alignments):
        if one is not None:
            one.finish(corpus)


def _check_alignment(pair: tuple[str, str], line: str, where: str) -> None:
    from keras_s2s.data.alignments import read_links
    from keras_s2s.text.word_finder import words_of

    try:
        read_links(line, *(len(words_of(side)) for side in pair))
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error


def _open_prepared(context: typer.Context, prepared: Path) -> Any:
    """The prepared corpus, unless an option says again what was settled when it was prepared."""
    from keras_s2s.data.prepared_corpus import TEXT_OPTIONS, PreparedCorpus

    given = given_names(context)
    typed = given_names(context, on_command_line=True)
    if "alignments" in given:
        raise ValueError(
            "--alignments goes with --source and --target, or --tsv; a prepared corpus holds none. "
            "Received: --alignments with --prepared"
        )
    for name in ("source", "target", "tsv", "weights", *TEXT_OPTIONS):
        # A configuration file may repeat the options of the text; the corpus tells other ones.
        if name in (typed if name in TEXT_OPTIONS else given):
            option = f"--{name.replace('_', '-')}"
            raise ValueError(
                f"{option} was settled when the corpus was prepared. Received: {option} with "
                f"--prepared. Leave it out, or give it to keras-s2s prepare."
            )
    return PreparedCorpus(prepared)


def read_validation(
    files: ValidationFiles, columns: tuple[int, int]
) -> list[tuple[str, str]] | None:
    """The pairs for validation that the options name; `None` without files.

    Raises:
        ValueError: As for `read_pairs`.
        OSError: A file cannot be read.
    """
    if not files.named:
        return None
    given = files.valid_source, files.valid_target, files.valid_tsv
    return read_pairs("valid-", *given, columns=columns)

"""The alignments of a training corpus, line by line with its pairs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from keras_s2s.cli.console import say
from keras_s2s.cli.inputs import open_corpus

if TYPE_CHECKING:
    from keras_s2s.recipe.config import Recipe


def read_aligned_pairs(
    source: Path | None,
    target: Path | None,
    tsv: Path | None,
    alignments: Path,
    *,
    columns: tuple[int, int] = (0, 1),
) -> tuple[list[tuple[str, str]], list[str]]:
    """Read the pairs of two files or of a TSV with their alignments, and report what was found.

    A pair that is skipped takes its alignment with it.

    Args:
        source: File of the sources.
        target: File of the targets.
        tsv: File of both, instead.
        alignments: File of the alignments in the Pharaoh format, a line per pair.
        columns: Those of the TSV.

    Returns:
        The pairs, at least one, and their alignments.

    Raises:
        ValueError: There is no pair, the number of lines differs, a line has an error, or as for
            `open_corpus`.
        OSError: A file cannot be read.
    """
    from keras_s2s.data.corpus import read_lines

    if "-" in (str(source), str(target), str(tsv)) and str(alignments) == "-":
        raise ValueError("- is standard input, which one option alone can read. Received: - twice")
    corpus = open_corpus("", source, target, tsv, columns=columns)
    lines = list(read_lines(str(alignments)))
    pairs, kept = [], []
    for pair in corpus:
        number = corpus.report.read  # The corpus has read no further than this pair.
        if number <= len(lines):
            _check(pair, lines[number - 1], f"{alignments}, line {number}")
            kept.append(lines[number - 1])
        pairs.append(pair)
    if corpus.report.read != len(lines):
        raise ValueError(
            f"--alignments must have a line for each pair, {corpus.report.read:,}. Received: "
            f"{alignments} with {len(lines):,} lines"
        )
    say(str(corpus.report))
    if not pairs:
        raise ValueError(f"there is no pair in {source or tsv}")
    return pairs, kept


def check_alignment_options(alignments: Path | None, prepared: Path | None, recipe: Recipe) -> None:
    """Raise ValueError unless --alignments goes with the other options, before a file is read."""
    if alignments is None:
        return
    if prepared is not None:
        raise ValueError(
            "--alignments goes with --source and --target, or --tsv; a prepared corpus holds none. "
            "Received: --alignments with --prepared"
        )
    if recipe.attention == "none":
        raise ValueError(
            "--alignments guides the attention. Received: --alignments with --attention none"
        )


def _check(pair: tuple[str, str], line: str, where: str) -> None:
    from keras_s2s.data.alignments import read_links
    from keras_s2s.text.word_finder import words_of

    try:
        read_links(line, *(len(words_of(side)) for side in pair))
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error

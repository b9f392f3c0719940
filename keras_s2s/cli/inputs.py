"""Input files of the commands: corpora, references and dictionaries."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_s2s.cli.console import say

if TYPE_CHECKING:
    from keras_s2s.data.corpus import Corpus
    from keras_s2s.data.lines import CorpusReport


class InputLines:
    """The lines of a file or of standard input, which can tell whether the next one has come.

    Args:
        path: The file; "-" is standard input.
        report: Collects what was cleaned.

    Attributes:
        is_file: Whether all lines are there from the beginning.
    """

    def __init__(self, path: Path, report: CorpusReport) -> None:
        from keras_s2s.data.corpus import read_lines
        from keras_s2s.data.pipe_reader import pipe_of

        self._pipe = pipe_of(str(path))
        self.is_file = self._pipe is None and str(path) != "-"
        self._lines = read_lines(self._pipe or str(path), report=report)

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def must_wait(self) -> bool:
        """Whether the next line has not come yet."""
        return self._pipe is not None and self._pipe.must_wait()


def check_columns(columns: str | None, *tsvs: Path | None) -> tuple[int, int]:
    """The value of --columns, as indices.

    Args:
        columns: Two numbers from 1, such as "2,4"; `None` for the first two.
        tsvs: The tab-separated files, of which there must be one.

    Raises:
        ValueError: It is no such value, or there is no tab-separated file.
    """
    if columns is None:
        return 0, 1
    found = re.fullmatch(r"\s*([1-9]\d{0,3})\s*,\s*([1-9]\d{0,3})\s*", columns, re.ASCII)
    if found is None or found[1] == found[2]:
        raise ValueError(
            "--columns must be two different column numbers from 1 to 9999, source first, such as "
            "2,4. "
            f"Received: --columns {columns}"
        )
    if not any(tsvs):
        raise ValueError(f"--columns goes with a tab-separated file. Received: --columns {columns}")
    return int(found[1]) - 1, int(found[2]) - 1


def open_corpus(
    side: str,
    source: Path | None,
    target: Path | None,
    tsv: Path | None,
    *,
    columns: tuple[int, int] = (0, 1),
    duplicates: Any = "keep",
    keep_all: bool = False,
) -> Corpus:
    """Open the corpus of two files or of a TSV.

    Args:
        side: Prefix of the option names: "" or "valid-".
        source: File of the sources.
        target: File of the targets.
        tsv: File of both, instead.
        columns: Those of the TSV.
        duplicates: As for `Corpus`.
        keep_all: As for `Corpus`.

    Returns:
        The corpus.

    Raises:
        ValueError: Neither both files nor the TSV were given, or all of them.
        OSError: A file does not exist.
    """
    from keras_s2s.data.corpus import Corpus

    if tsv is not None and source is None and target is None:
        return Corpus.from_tsv(str(tsv), columns=columns, duplicates=duplicates, keep_all=keep_all)
    if tsv is None and source is not None and target is not None:
        return Corpus(str(source), str(target), duplicates=duplicates, keep_all=keep_all)
    files = {"source": source, "target": target, "tsv": tsv}
    given = [f"--{side}{name}" for name, path in files.items() if path is not None]
    raise ValueError(
        f"give --{side}source and --{side}target, or --{side}tsv. Received: "
        f"{' and '.join(given) or 'none of them'}"
    )


def read_pairs(
    side: str,
    source: Path | None,
    target: Path | None,
    tsv: Path | None,
    *,
    columns: tuple[int, int] = (0, 1),
    keep_all: bool = False,
) -> list[tuple[str, str]]:
    """Read the pairs of two files or of a TSV, and report what was found in them.

    Args:
        side: Prefix of the option names: "" or "valid-".
        source: File of the sources.
        target: File of the targets.
        tsv: File of both, instead.
        columns: Those of the TSV.
        keep_all: As for `Corpus`.

    Returns:
        The pairs, at least one.

    Raises:
        ValueError: There is no pair, the corpus has an error, or as for `open_corpus`.
        OSError: A file cannot be read.
    """
    corpus = open_corpus(side, source, target, tsv, columns=columns, keep_all=keep_all)
    return checked_pairs(corpus, corpus, source or tsv)


def checked_pairs(rows: Iterable[Any], corpus: Corpus, path: Path | None) -> list[Any]:
    """The rows that are read from a corpus, at least one; what was found in it is reported."""
    found = list(rows)
    say(str(corpus.report))
    if not found:
        raise ValueError(f"there is no pair in {path}")
    return found


def read_references(
    source: Path | None,
    targets: list[Path],
    tsv: Path | None,
    group: bool,
    columns: tuple[int, int] = (0, 1),
) -> tuple[list[str], list[list[str]]]:
    """Read sources and their references.

    Args:
        source: File of the sources.
        targets: Files of references, each as long as the sources.
        tsv: File of both, instead.
        group: Whether lines of the same source are one sentence.
        columns: Those of the TSV.

    Returns:
        The sources, and the references of each.

    Raises:
        ValueError: As `read_pairs`, and where a file is shorter or longer than the sources.
        OSError: A file cannot be read.
    """
    from keras_s2s.data.corpus import read_lines

    first = targets[0] if targets else None
    pairs = read_pairs("", source, first, tsv, columns=columns, keep_all=True)
    sources, references = [pair[0] for pair in pairs], [[pair[1]] for pair in pairs]
    for path in targets[1:]:
        lines = list(read_lines(str(path)))
        if len(lines) != len(sources):
            raise ValueError(
                f"every --target must have as many lines as the source, {len(sources):,}. "
                f"Received: {path} with {len(lines):,} lines"
            )
        for row, line in zip(references, lines, strict=True):
            row.append(line)
    if not group:
        return sources, references
    grouped: dict[str, list[str]] = {}
    for text, row in zip(sources, references, strict=True):
        grouped.setdefault(text, []).extend(row)
    return list(grouped), list(grouped.values())


def read_dictionary(path: Path | None, replace_unknown: bool) -> dict[str, str] | None:
    """Read the translations that replace unknown words, and report what was found in the file.

    Args:
        path: File with a source word, a tab and its translation on each line; of several
            translations the first is used. `None` for no file.
        replace_unknown: Whether unknown words are replaced.

    Returns:
        The translations of source words, `None` without a file.

    Raises:
        ValueError: The words would not be used, there is none, or a line is no pair.
        OSError: The file cannot be read.
    """
    from keras_s2s.data.corpus import Corpus

    if path is None:
        return None
    if str(path) == "-":
        raise ValueError("the dictionary must be a file. Received: --dictionary -")
    if not replace_unknown:
        raise ValueError(f"--dictionary goes with --replace-unknown. Received: {path} alone")
    corpus = Corpus.from_tsv(str(path), duplicates="ignore", keep_all=True)
    words: dict[str, str] = {}
    for source, target in corpus:
        if source and target:
            words.setdefault(source, target)
    say(str(corpus.report))
    if not words:
        raise ValueError(f"there is no pair of words in {path}")
    return words

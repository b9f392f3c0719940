"""Parallel text, read line by line and cleaned, with a report of what was found."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Literal

from keras_s2s.data.corpus_rows import parallel_rows, tsv_rows
from keras_s2s.data.lines import (
    CorpusReport,
    FilePath,
    Fingerprints,
    clean,
    clean_ends,
    decoded_lines,
    digest_of,
    file_name,
    is_regular_file,
    is_standard_input,
)
from keras_s2s.data.number_columns import NumberColumns
from keras_s2s.data.pipe_reader import PipeReader


class Corpus:
    r"""Sentence pairs from two parallel files, or from one TSV by `Corpus.from_tsv`.

    A file has one sentence per line in UTF-8, plain or compressed by gzip or xz (detected by its
    first bytes). Only a line feed ends a line. Every iteration reads the files from their start,
    holds one line of each in memory, and creates a new `report`:

    | found | what happens |
    |---|---|
    | sides of different length, invalid UTF-8, a damaged archive | error |
    | a byte-order mark at the start of a line, CRLF, surrounding blanks | cleaned: removed |
    | a control character, a line or paragraph separator, a TAB | cleaned: a blank |
    | an empty or blank side, a side longer than `maximum_characters` | skipped |
    | a TSV line whose number of columns is not the first line's | skipped |
    | an exact duplicate of an earlier pair | kept, or skipped by `duplicates="remove"` |
    | a no-break space | kept |

    All of these except errors are counted in the report.

    Args:
        source: Path of the source sentences; "-" is standard input.
        target: Path of the target sentences; "-" is standard input, for one of the two files.
        maximum_characters: Maximum length of a side in characters; None for no limit.
        duplicates: "keep" counts exact duplicates, "remove" skips all but the first, "ignore"
            does not detect them. Detection takes 12 to 36 bytes of memory per pair.
        keep_all: Keep every pair, for evaluation sets: pairs that would be skipped are kept and
            counted, and a TSV line with a wrong number of columns is an error.

    Attributes:
        report: `CorpusReport` of the last iteration.

    Raises:
        ValueError: An argument is out of range; while iterating, also for the errors above.
        OSError: A file cannot be opened.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (folder / "train.en").write_text("A dog.\n\nTwo cats.\n")
        >>> _ = (folder / "train.de").write_text("Ein Hund.\nNichts.\nZwei Katzen. \n")
        >>> corpus = Corpus(folder / "train.en", folder / "train.de")
        >>> list(corpus)
        [('A dog.', 'Ein Hund.'), ('Two cats.', 'Zwei Katzen.')]
        >>> print(corpus.report)  # doctest: +ELLIPSIS
        /...train.en | /...train.de: 3 pairs read, 2 kept, 1 skipped
          source: empty side, 1 skipped (line 2)
          target: outer blanks, 1 cleaned (line 3)
    """

    def __init__(
        self,
        source: FilePath,
        target: FilePath,
        *,
        maximum_characters: int | None = 5_000,
        duplicates: Literal["keep", "remove", "ignore"] = "keep",
        keep_all: bool = False,
    ) -> None:
        if is_standard_input(source) and is_standard_input(target):
            raise ValueError(
                "standard input can be one of the two files, not both. "
                f"Received: source={source!r}, target={target!r}. Give a path for one of them."
            )
        rows = functools.partial(parallel_rows, source, target)
        self._initialize((source, target), rows, maximum_characters, duplicates, keep_all)

    @classmethod
    def from_tsv(
        cls,
        path: FilePath,
        *,
        columns: tuple[int, int] = (0, 1),
        maximum_characters: int | None = 5_000,
        duplicates: Literal["keep", "remove", "ignore"] = "keep",
        keep_all: bool = False,
    ) -> Corpus:
        r"""Creates a corpus from one file with a pair per line, in columns separated by TABs.

        There is no quoting. The first line that is not blank determines the number of columns;
        columns other than the two, such as an attribution, are dropped and counted. A blank line
        is a pair of empty sides.

        Args:
            path: Path of the file; "-" is standard input.
            columns: Indices of the columns of source and target, from 0.
            maximum_characters: As for `Corpus`.
            duplicates: As for `Corpus`.
            keep_all: As for `Corpus`.

        Returns:
            The corpus.

        Raises:
            ValueError: As for `Corpus`, and if the file has too few columns.
            OSError: The file cannot be opened.

        Example:
            >>> import pathlib, tempfile
            >>> path = pathlib.Path(tempfile.mkdtemp()) / "words.tsv"
            >>> _ = path.write_text("hi\th aɪ\nno\tn oʊ\n", encoding="utf-8")
            >>> list(Corpus.from_tsv(path, columns=(1, 0)))
            [('h aɪ', 'hi'), ('n oʊ', 'no')]
        """
        if len(columns) != 2 or min(columns) < 0 or columns[0] == columns[1]:
            raise ValueError(
                "columns must be two different column numbers, counted from 0. "
                f"Received: columns={columns!r}. Use (0, 1) for source first, target second."
            )
        corpus = cls.__new__(cls)
        rows = functools.partial(tsv_rows, path, columns, keep_all)
        corpus._initialize((path,), rows, maximum_characters, duplicates, keep_all, columns)
        return corpus

    def _initialize(
        self,
        files: tuple[FilePath, ...],
        rows: Callable[[CorpusReport], Iterator[tuple[int, str, str]]],
        maximum_characters: int | None,
        duplicates: Literal["keep", "remove", "ignore"],
        keep_all: bool,
        columns: tuple[int, int] | None = None,
    ) -> None:
        if maximum_characters is not None and maximum_characters < 1:
            raise ValueError(
                "`maximum_characters` must be at least 1, or None for no limit. "
                f"Received: maximum_characters={maximum_characters!r}."
            )
        if duplicates not in ("keep", "remove", "ignore"):
            raise ValueError(
                '`duplicates` must be "keep", "remove" or "ignore". '
                f"Received: duplicates={duplicates!r}."
            )
        if keep_all and duplicates == "remove":
            raise ValueError(
                "`duplicates` cannot be removed where all pairs are kept. "
                f"Received: duplicates={duplicates!r}, keep_all={keep_all!r}."
            )
        self._rows = rows
        self._maximum_characters = maximum_characters
        self._duplicates = duplicates
        self._keep_all = keep_all
        self._rereadable = all([is_regular_file(path) for path in files])  # Looks at each.
        self._begun = False
        self._columns = columns
        self.report = CorpusReport(tuple(file_name(path) for path in files))

    def digest(self) -> str:
        """Returns a SHA-256 of the files and the arguments, which determine the pairs.

        Raises:
            ValueError: A file is standard input or a pipe.
            OSError: A file cannot be read.
        """
        asked = self._columns, self._maximum_characters, self._duplicates, self._keep_all
        return digest_of(self.report.files, repr(asked))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return (pair for _, pair in self.numbered())

    def numbered(self) -> Iterator[tuple[int, tuple[str, str]]]:
        """Yields each pair with the number of its line, from 1, as iterating yields the pairs.

        Raises:
            ValueError: As for `Corpus`.
        """
        if self._begun and not self._rereadable:
            raise ValueError(
                "standard input and pipes can be read only once. "
                f"Received: {' and '.join(self.report.files)}, a second time. "
                "Keep the pairs in a list, or read from a file."
            )
        self._begun = True
        report = self.report = CorpusReport(self.report.files)
        seen, numbers = Fingerprints(), NumberColumns(report.files[0], self._columns or (0, 1))
        for line_number, source, target in self._rows(report):
            if self._accepts(source, target, line_number, report, seen):
                report.kept += 1
                numbers.see(source, target)
                yield line_number, (source, target)
        numbers.warn(has_others=report.count("columns beyond the two") > 0)

    def _accepts(
        self, source: str, target: str, line_number: int, report: CorpusReport, seen: Fingerprints
    ) -> bool:
        action = "kept" if self._keep_all else "skipped"
        sound = True
        for side, text in (("source", source), ("target", target)):
            if not text:
                report.add("empty side", side, action, line_number)
                sound = False
            elif self._maximum_characters is not None and len(text) > self._maximum_characters:
                report.add("too long", side, action, line_number)
                sound = False
        if sound and self._duplicates != "ignore" and not seen.add(f"{source}\n{target}"):
            action = "skipped" if self._duplicates == "remove" else "kept"
            report.add("exact duplicate", "pair", action, line_number)
            sound = False
        return sound or action == "kept"


def read_lines(path: FilePath | PipeReader, *, report: CorpusReport | None = None) -> Iterator[str]:
    r"""Reads the lines of one file, cleaned as in a `Corpus`, blank ones included.

    String n is line n of the file: a blank line is an empty string, and nothing is skipped.

    Args:
        path: Path of the file, plain or compressed by gzip or xz; "-" is standard input.
        report: Collects what was cleaned, while iterating; None for no report.

    Returns:
        An iterator over the lines, which reads the file lazily.

    Raises:
        ValueError: While iterating: invalid UTF-8, or a damaged archive.
        OSError: The file cannot be opened.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "input.txt"
        >>> _ = path.write_bytes(b"A dog.\r\n\r\nTwo cats.")
        >>> report = CorpusReport(("input.txt",), unit="lines")
        >>> list(read_lines(path, report=report))
        ['A dog.', '', 'Two cats.']
        >>> print(report)
        input.txt: 3 lines read, 3 kept, 0 skipped
          line: CRLF, 2 cleaned (lines 1, 2)
    """
    is_regular_file(path)
    return _whole_lines(path, report or CorpusReport((file_name(path),), unit="lines"))


def _whole_lines(path: FilePath | PipeReader, report: CorpusReport) -> Iterator[str]:
    for line_number, text in decoded_lines(path):
        report.read = report.kept = line_number
        yield clean(clean_ends(text, "line", line_number, report), "line", line_number, report)

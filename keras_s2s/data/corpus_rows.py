"""The lines of parallel files and of a TSV as numbered pairs, cleaned but not yet selected."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from keras_s2s.data.lines import (
    CorpusReport,
    FilePath,
    clean,
    clean_ends,
    decoded_lines,
    file_name,
)


def parallel_rows(
    source: FilePath, target: FilePath, report: CorpusReport
) -> Iterator[tuple[int, str, str]]:
    """Yields the number of each line of two files and both texts, cleaned.

    Raises:
        ValueError: One of the files has more lines.
    """
    sources, targets = decoded_lines(source), decoded_lines(target)
    for line_number in itertools.count(1):
        source_line, target_line = next(sources, None), next(targets, None)
        if source_line is None and target_line is None:
            return
        if source_line is None or target_line is None:
            before = line_number - 1
            source_count = before if source_line is None else line_number + sum(1 for _ in sources)
            target_count = before if target_line is None else line_number + sum(1 for _ in targets)
            raise ValueError(
                "source and target must have the same number of lines, line n of one belonging to "
                f"line n of the other. Received: {file_name(source)} with {source_count:,} lines, "
                f"{file_name(target)} with {target_count:,} lines. Align the files again."
            )
        report.read += 1
        pair = []
        for side, (_, text) in (("source", source_line), ("target", target_line)):
            text = clean_ends(text, side, line_number, report)
            pair.append(clean(text, side, line_number, report))
        yield line_number, pair[0], pair[1]


def tsv_rows(
    path: FilePath, columns: tuple[int, int], keep_all: bool, report: CorpusReport
) -> Iterator[tuple[int, str, str]]:
    """Yields the number of each line of a TSV and the texts of two columns, cleaned.

    Raises:
        ValueError: A line has too few columns, or with `keep_all` another number of them.
    """
    expected = None
    for line_number, text in decoded_lines(path):
        report.read += 1
        text = clean_ends(text, "pair", line_number, report)
        if not text or text.isspace():
            yield line_number, "", ""
            continue
        fields = text.split("\t")
        if expected is None:
            expected = len(fields)
        if len(fields) != expected or expected <= max(columns):
            if expected <= max(columns) or keep_all:
                raise ValueError(
                    f"every line must have {max(expected, max(columns) + 1)} columns, separated "
                    f"by TABs. Received: {file_name(path)}, line {line_number} with {len(fields)}. "
                    "Correct the line, or the choice of columns."
                )
            report.add("wrong number of columns", "pair", "skipped", line_number)
            continue
        if expected > 2:
            report.add("columns beyond the two", "pair", "dropped", line_number)
        source = clean(fields[columns[0]], "source", line_number, report)
        yield line_number, source, clean(fields[columns[1]], "target", line_number, report)

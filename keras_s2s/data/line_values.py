"""Files with a line for each line of a corpus, such as weights, read beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from keras_s2s.data.corpus import Corpus, read_lines
from keras_s2s.data.lines import FilePath, file_name, is_standard_input

Value = TypeVar("Value")


class LineValues(Generic[Value]):
    r"""The values on the lines of a file that goes with a corpus, in constant memory.

    Args:
        path: The file, plain or compressed by gzip or xz.
        what: What it holds, for messages, such as "weights".
        parse: From the text of a line to its value; its ValueError tells what is wrong.

    Raises:
        ValueError: The file is standard input.
        OSError: The file cannot be read.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (folder / "train.tsv").write_text("A dog.\tEin Hund.\n\nNo.\tNein.\n")
        >>> _ = (folder / "weights").write_text("0.5\n1\n2\n")
        >>> corpus = Corpus.from_tsv(folder / "train.tsv")
        >>> weights = LineValues(folder / "weights", "weights", float)
        >>> [(pair[0], weights.at(number, corpus)) for number, pair in corpus.numbered()]
        [('A dog.', 0.5), ('No.', 2.0)]
        >>> weights.finish(corpus)
    """

    def __init__(self, path: FilePath, what: str, parse: Callable[[str], Value]) -> None:
        if is_standard_input(path):
            raise ValueError(f"The {what} must be a file. Received: standard input")
        self._path, self._what, self._parse = path, what, parse
        self._lines: Iterator[str] = read_lines(path)
        self._number = 0

    def at(self, number: int, corpus: Corpus) -> Value:
        """The value on a line, after those of the lines before.

        Args:
            number: Number of the line, from 1; it rises from call to call.
            corpus: The corpus that it belongs to.

        Raises:
            ValueError: There is no such line, or one up to it is wrong.
        """
        for text in self._lines:
            value = self._value(text)
            if self._number == number:
                return value
        raise ValueError(self._other_lines(corpus, "at least "))

    def finish(self, corpus: Corpus) -> None:
        """Read the rest of the lines, which the corpus skips.

        Raises:
            ValueError: One is wrong, or there are more or fewer lines than those of the corpus.
        """
        for text in self._lines:
            self._value(text)
        if self._number != corpus.report.read:
            raise ValueError(self._other_lines(corpus, ""))

    def _value(self, text: str) -> Value:
        self._number += 1
        try:
            return self._parse(text)
        except ValueError as error:
            raise ValueError(f"{file_name(self._path)}, line {self._number}: {error}") from error

    def _other_lines(self, corpus: Corpus, least: str) -> str:
        return (
            f"The {self._what} must have as many lines as the corpus. Received: "
            f"{file_name(self._path)} with {self._number:,}, "
            f"{' | '.join(corpus.report.files)} with {least}{corpus.report.read:,}"
        )

"""The lines of a text file: opened, decompressed, decoded and cleaned, with a report."""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import hashlib
import io
import itertools
import lzma
import os
import re
import stat
import sys
import zlib
from array import array
from collections.abc import Iterable, Iterator
from typing import Any, cast

from keras_s2s.data.pipe_reader import PipeReader

FilePath = str | os.PathLike[str]

_GZIP_MAGIC = b"\x1f\x8b"
_XZ_MAGIC = b"\xfd7zXZ\x00"
_LONGEST_LINE = 16 * 2**20  # bytes; a file without line ends must not fill the memory
_FIRST_LINES = 5

# Besides the C0 and C1 controls, the two characters that other programs take for a line end.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_NO_BREAK = re.compile("[\u00a0\u2007\u202f]")
_SUSPECT = re.compile(f"{_CONTROL.pattern}|{_NO_BREAK.pattern}|\t")


@dataclasses.dataclass
class Finding:
    """One kind of problem on one side of a corpus.

    Attributes:
        kind: The problem, such as "control character".
        side: "source", "target", "pair" (the whole pair or line), or "line" of a single file.
        action: "cleaned", "skipped", "kept", or "dropped" (columns beyond the two).
        count: Number of lines with the problem.
        first_lines: Numbers of the first of these lines, from 1.
    """

    kind: str
    side: str
    action: str
    count: int = 0
    first_lines: list[int] = dataclasses.field(default_factory=list)

    def __str__(self) -> str:
        lines = ", ".join(str(number) for number in self.first_lines)
        more = ", ..." if self.count > len(self.first_lines) else ""
        word = "line" if self.count == 1 else "lines"
        return f"{self.side}: {self.kind}, {self.count:,} {self.action} ({word} {lines}{more})"


@dataclasses.dataclass
class CorpusReport:
    """Counts of what was read and kept, and every problem with its count and first line numbers.

    Attributes:
        files: Names of the files.
        unit: What is counted: "pairs" or "lines".
        read: Number of pairs or lines that were read.
        kept: Number of pairs or lines that were yielded.
        findings: One entry per kind of problem and side, in the order of their first appearance.
    """

    files: tuple[str, ...]
    unit: str = "pairs"
    read: int = 0
    kept: int = 0
    findings: list[Finding] = dataclasses.field(default_factory=list)

    def add(self, kind: str, side: str, action: str, line_number: int) -> None:
        """Counts a problem of a line."""
        finding = self._find(kind, side)
        if finding is None:
            finding = Finding(kind, side, action)
            self.findings.append(finding)
        finding.count += 1
        if len(finding.first_lines) < _FIRST_LINES:
            finding.first_lines.append(line_number)

    def count(self, kind: str, side: str | None = None) -> int:
        """Returns the number of lines with a problem, on one side or, by default, on all sides."""
        return sum(f.count for f in self.findings if f.kind == kind and side in (None, f.side))

    def _find(self, kind: str, side: str) -> Finding | None:
        return next((f for f in self.findings if f.kind == kind and f.side == side), None)

    def __str__(self) -> str:
        skipped = self.read - self.kept
        head = f"{self.read:,} {self.unit} read, {self.kept:,} kept, {skipped:,} skipped"
        lines = [f"{' | '.join(self.files)}: {head}"]
        return "\n  ".join(lines + [str(finding) for finding in self.findings])


def clean_ends(text: str, side: str, line_number: int, report: CorpusReport) -> str:
    """Returns a line without line end and byte-order mark; adds them to the report."""
    text = text.removesuffix("\n")
    if text.endswith("\r"):
        report.add("CRLF", side, "cleaned", line_number)
        text = text[:-1]
    if text.startswith("\ufeff"):
        report.add("byte-order mark", side, "cleaned", line_number)
        text = text[1:]
    return text


def clean(text: str, side: str, line_number: int, report: CorpusReport) -> str:
    """Returns a side stripped, its control characters as blanks; adds them to the report."""
    stripped = text.strip()
    if len(stripped) == len(text) and not _SUSPECT.search(text):
        return text
    if "\t" in text:
        report.add("TAB", side, "cleaned", line_number)
    if _CONTROL.search(text):
        report.add("control character", side, "cleaned", line_number)
    if _NO_BREAK.search(text):
        report.add("no-break space", side, "kept", line_number)
    if len(stripped) < len(text):
        report.add("outer blanks", side, "cleaned", line_number)
    return _CONTROL.sub(" ", stripped.replace("\t", " ")).strip()


def decoded_lines(path: FilePath | PipeReader) -> Iterator[tuple[int, str]]:
    """Yields the number, from 1, and the text of every line, line end included.

    Args:
        path: Path of a file, plain or compressed by gzip or xz; "-" is standard input, and so is a
            `PipeReader`.

    Yields:
        The line number and the line.

    Raises:
        ValueError: The text is not UTF-8, the archive is damaged, or a line is too long.
        OSError: The file cannot be opened.
    """
    with _opened(path) as stream:
        for line_number in itertools.count(1):
            try:
                line = stream.readline(_LONGEST_LINE + 1)
            except (EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error) as error:
                raise ValueError(
                    "the archive must be whole. "
                    f"Received: {file_name(path)}, damaged after line {line_number - 1} ({error}). "
                    "Fetch or pack it again."
                ) from error
            if not line:
                return
            if len(line) > _LONGEST_LINE:
                raise ValueError(
                    f"a line must have at most {_LONGEST_LINE:,} bytes. "
                    f"Received: {file_name(path)}, line {line_number}. Put one sentence on a line."
                )
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"the text must be UTF-8. Received: {file_name(path)}, line {line_number}, "
                    f"byte {error.start + 1} of the line is 0x{line[error.start]:02x} "
                    f"({error.reason}). Convert the file, for example with iconv."
                ) from error
            yield line_number, text


@contextlib.contextmanager
def _opened(path: FilePath | PipeReader) -> Iterator[io.BufferedIOBase]:
    with contextlib.ExitStack() as stack:
        reader: Any
        if isinstance(path, PipeReader):
            reader = path
        elif is_standard_input(path):
            # A replaced standard input may not support `peek`.
            reader = io.BufferedReader(cast(io.BufferedReader, sys.stdin.buffer))
            stack.callback(reader.detach)
        else:
            reader = stack.enter_context(open(path, "rb"))
        start = reader.peek(len(_XZ_MAGIC))
        if start.startswith(_GZIP_MAGIC):
            yield stack.enter_context(gzip.GzipFile(fileobj=reader))
        elif start.startswith(_XZ_MAGIC):
            yield stack.enter_context(lzma.LZMAFile(reader))
        elif str(path).endswith((".gz", ".xz")):
            raise ValueError(
                "a file named .gz or .xz must be such an archive. "
                f"Received: {file_name(path)}. Rename it if it is plain text, or fetch it again."
            )
        else:
            yield reader


def is_standard_input(path: FilePath | PipeReader) -> bool:
    """Whether the path means standard input."""
    return path == "-" or isinstance(path, PipeReader)


def is_regular_file(path: FilePath | PipeReader) -> bool:
    """Whether a file can be read twice; raises OSError if it does not exist."""
    return not isinstance(path, PipeReader) and path != "-" and stat.S_ISREG(os.stat(path).st_mode)


def digest_of(names: Iterable[str], more: str) -> str:
    """Returns the SHA-256 of files and a text; ValueError if a file can be read only once."""
    found = hashlib.sha256(more.encode())
    for name in names:
        if name == file_name("-") or not is_regular_file(name):
            raise ValueError(
                f"this needs files that can be read twice. Received: {name}. Write a file first."
            )
        one = hashlib.sha256()
        with open(name, "rb") as file:
            while block := file.read(1 << 20):
                one.update(block)
        found.update(one.digest())
    return found.hexdigest()


def file_name(path: FilePath | PipeReader) -> str:
    """Returns the name of a file for messages."""
    if isinstance(path, PipeReader):
        return path.name
    return "standard input" if path == "-" else os.fspath(path)


class Fingerprints:
    """A set of texts that stores a hash of 8 bytes of each, in an open-addressing table."""

    def __init__(self) -> None:
        self._slots = array("Q", [0]) * 1024
        self._count = 0

    def add(self, text: str) -> bool:
        """Adds a text; returns False if it is in the set.

        Among ten million texts, the probability of a collision is 3 in a million.
        """
        digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
        fingerprint = int.from_bytes(digest, "little") or 1  # 0 marks a free slot.
        if not self._place(fingerprint):
            return False
        self._count += 1
        if 3 * self._count > 2 * len(self._slots):
            full, self._slots = self._slots, array("Q", [0]) * (2 * len(self._slots))
            for earlier in full:
                if earlier:
                    self._place(earlier)
        return True

    def _place(self, fingerprint: int) -> bool:
        slots, mask = self._slots, len(self._slots) - 1
        slot = fingerprint & mask
        while slots[slot]:
            if slots[slot] == fingerprint:
                return False
            slot = (slot + 1) & mask
        slots[slot] = fingerprint
        return True

"""Reads files of word vectors: word2vec as text or binary, GloVe, fastText; plain or gzipped."""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

MOST_DIMENSION, MOST_WORDS = 100_000, 10**10
MOST_LINE, MOST_WORD = 2**22, 2**16  # bytes
# Some published files have a few words that were cut in the middle of a character.
MOST_INVALID = 0.01


class Layout(NamedTuple):
    """How vectors are written in a file.

    Attributes:
        dimension: Numbers in a vector.
        count: Number of vectors by the header; `None` without a header, as in GloVe's files.
        is_binary: Whether a vector is float32 in little-endian order, and not text.
    """

    dimension: int
    count: int | None
    is_binary: bool


def read_layout(path: Path) -> Layout:
    """The layout of a file of word vectors, found by its content.

    Raises:
        ValueError: It is none.
        OSError: It cannot be read.
    """
    with _opened(path) as file:
        head = _line(file, path)
        fields = head.split()
        if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise _error(path, "be UTF-8", "UTF-16")
        if len(fields) == 2 and all(field.isdigit() for field in fields):
            return _with_header(path, fields, file.readline(MOST_LINE))
        if len(fields) < 2 or not all(map(_is_number, fields[1:])):
            words = "begin with a word and its vector, or with the numbers of words and dimensions"
            raise _error(path, words, repr(head[:40]))
        return Layout(_checked_dimension(path, len(fields) - 1), None, False)


def _with_header(path: Path, fields: list[bytes], line: bytes) -> Layout:
    count, dimension = (int(field) if len(field) < 20 else 10**20 for field in fields)
    if not 1 <= count <= MOST_WORDS:
        raise _error(path, f"have 1 to {MOST_WORDS:,} words", f"{fields[0][:40].decode()} of them")
    _checked_dimension(path, dimension)
    numbers = line.split()
    is_text = len(numbers) > 1 and _is_number(numbers[-1]) and _is_text(line)
    return Layout(dimension, count, not is_text)


def _checked_dimension(path: Path, dimension: int) -> int:
    if not 1 <= dimension <= MOST_DIMENSION:
        raise _error(path, f"have vectors of 1 to {MOST_DIMENSION:,} numbers", f"{dimension:,}")
    return dimension


def read_vectors(
    path: Path, key: Callable[[str], str | None]
) -> tuple[Layout, dict[str, np.ndarray]]:
    """Read the vectors of some words, line by line; of a word that is there twice the first.

    Args:
        path: The file.
        key: From a word to the name under which its vector is returned; `None` to skip it.

    Returns:
        The layout, and the vectors, float32 `[E]`.

    Raises:
        ValueError: The file is damaged, or its encoding is not UTF-8.
        OSError: It cannot be read.
    """
    layout = read_layout(path)
    found: dict[str, np.ndarray] = {}
    words = invalid = 0
    with _opened(path) as file:
        rows = _binary_rows(file, path, layout) if layout.is_binary else _rows(file, path, layout)
        for word, vector in rows:
            words += 1
            try:
                name = key(word.decode("utf-8"))
            except UnicodeDecodeError:
                invalid += 1
                continue
            if name is not None and name not in found:
                found[name] = _checked_vector(path, name, vector, layout)
    if layout.count not in (None, words):
        raise _error(path, f"hold {layout.count:,} words, as its header says", f"{words:,}")
    if invalid > MOST_INVALID * words:
        raise _error(path, "be UTF-8", f"{invalid:,} of {words:,} words that are not")
    return layout, found


def _checked_vector(path: Path, word: str, data: bytes, layout: Layout) -> np.ndarray:
    if layout.is_binary:
        vector = np.frombuffer(data, "<f4").astype(np.float32)
    else:
        try:
            values = [float(number) for number in data.split()]
        except ValueError as error:
            raise _error(path, "hold numbers", f"{error} for {word!r}") from error
        with np.errstate(over="ignore"):
            vector = np.array(values).astype(np.float32)
    if vector.shape != (layout.dimension,) or not np.isfinite(vector).all():
        number = f"{layout.dimension} finite numbers for each word"
        raise _error(path, f"hold {number}", f"others for {word!r}")
    return vector


def _rows(file: IO[bytes], path: Path, layout: Layout) -> Iterator[tuple[bytes, bytes]]:
    """The word and the numbers of each line."""
    size, number = layout.dimension, 0
    if layout.count is not None:
        number += 1
        _line(file, path)
    while line := _line(file, path):
        number += 1
        line = line.rstrip().replace(b"\t", b" ")
        if not line:
            continue
        word, numbers = _split(line, size)
        if not word:
            columns = len(line.split())
            needed = f"have a word and {size} numbers in line {number:,}"
            raise _error(path, needed, f"{columns} column{'s' * (columns != 1)}")
        yield word, numbers


def _split(line: bytes, size: int) -> tuple[bytes, bytes]:
    """The word and the numbers of a line; no word if there are not so many numbers."""
    spaces = line.count(b" ")
    if spaces <= size:
        word, _, numbers = line.partition(b" ")
        return (word if spaces == size else b""), numbers
    word = line.rsplit(b" ", size)[0]
    # GloVe has words with spaces, but none of a word and numbers.
    first, *others = word.split() or [b""]
    is_wrong = not first or all(map(_is_number, others))
    return (b"" if is_wrong else word), line[len(word) :]


def _binary_rows(file: IO[bytes], path: Path, layout: Layout) -> Iterator[tuple[bytes, bytes]]:
    """The word and the float32 numbers of each vector."""
    _line(file, path)
    for number in range(layout.count or 0):
        word = bytearray()
        while (byte := file.read(1)) not in (b" ", b"") and len(word) < MOST_WORD:
            word += byte
        data = file.read(4 * layout.dimension)
        if byte != b" " or len(data) < 4 * layout.dimension:
            raise _error(path, f"hold {layout.count:,} vectors", f"an end in vector {number + 1:,}")
        yield bytes(word).lstrip(b"\n"), data
    if file.read(MOST_WORD).strip():
        raise _error(path, f"hold {layout.count:,} vectors, as its header says", "more")


def _line(file: IO[bytes], path: Path) -> bytes:
    line = file.readline(MOST_LINE)
    if len(line) == MOST_LINE:
        raise _error(path, "hold word vectors", f"a line of more than {MOST_LINE:,} bytes")
    return line


def _is_number(text: bytes) -> bool:
    try:
        return not math.isnan(float(text)) or text.lower().strip(b"+-") == b"nan"
    except ValueError:
        return False


def _is_text(line: bytes) -> bool:
    return not any(byte < 0x20 and byte not in b"\t\r\n" for byte in line)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The file as bytes, unpacked, after its byte order mark."""
    try:
        with path.open("rb") as raw:
            is_packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            with gzip.open(raw) if is_packed else raw as file:
                if file.read(3) != b"\xef\xbb\xbf":
                    file.seek(0)
                yield file
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _error(path, "be a whole gzip file", str(error)) from error


def _error(path: Path, needed: str, received: str) -> ValueError:
    return ValueError(f"A file of embeddings must {needed}. Received: {received} in {path}.")

"""Standard input through a pipe tells whether its next line has come."""

import gzip
import lzma
import os
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_s2s.data.lines import decoded_lines
from keras_s2s.data.pipe_reader import PipeReader, pipe_of
from keras_s2s.inference.length_batches import windows


@pytest.fixture
def pipe() -> Iterator[tuple[PipeReader, int]]:
    """A reader, and the descriptor that what it reads is written to."""
    reading, writing = os.pipe()
    yield PipeReader(reading), writing
    os.close(reading)


def test_it_waits_for_the_end_of_a_line_and_not_for_more(pipe: tuple[PipeReader, int]) -> None:
    reader, writing = pipe
    assert reader.must_wait()
    os.write(writing, b"one\ntwo\nthr")
    assert reader.readline() == b"one\n"
    assert not reader.must_wait()  # "two" is there.
    assert reader.readline() == b"two\n"
    assert reader.must_wait()  # Of the third the end is missing.
    os.write(writing, b"ee")
    os.close(writing)
    assert reader.readline() == b"three"
    assert not reader.must_wait() and reader.readline() == b""


def test_a_first_line_that_is_shorter_than_the_mark_of_an_archive_is_read_at_once(
    pipe: tuple[PipeReader, int],
) -> None:
    reader, writing = pipe
    os.write(writing, b"a\n")
    assert next(decoded_lines(reader)) == (1, "a\n")
    os.close(writing)


@given(
    content=st.binary(max_size=40).map(lambda one: one.replace(b"a", b"\n")),
    cuts=st.lists(st.integers(0, 40), max_size=6),
    limit=st.sampled_from([-1, 1, 3, 50]),
)
def test_it_reads_the_lines_of_a_file_however_they_come(
    content: bytes, cuts: list[int], limit: int
) -> None:
    reading, writing = os.pipe()
    places = [0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]

    def write() -> None:
        for first, last in zip(places, places[1:], strict=False):
            os.write(writing, content[first:last])
        os.close(writing)

    other = threading.Thread(target=write)
    other.start()
    reader = PipeReader(reading)
    found = []
    while line := reader.readline(limit):
        found.append(line)
    other.join()
    os.close(reading)
    assert b"".join(found) == content
    if limit == -1:
        assert found == [line for line in re.findall(rb"[^\n]*\n|[^\n]+$", content) if line]
    else:
        assert all(len(line) <= limit for line in found)


def test_an_archive_comes_through_a_pipe(pipe: tuple[PipeReader, int]) -> None:
    reader, writing = pipe
    os.write(writing, gzip.compress(b"one\ntwo\n"))
    os.close(writing)
    assert [text for _, text in decoded_lines(reader)] == ["one\n", "two\n"]


def test_a_file_on_standard_input_is_no_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("a\n")
    with (tmp_path / "file").open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert pipe_of("-") is None
    assert pipe_of(str(tmp_path / "file")) is None


@pytest.mark.parametrize("packer", [bytes, gzip.compress, lzma.compress])
def test_many_lines_come_in_large_windows_packed_or_plain(packer: Any) -> None:
    reading, writing = os.pipe()
    content = packer(b"".join(b"%d %d\n" % (i, i * i) for i in range(20_000)))
    sent = threading.Event()

    def write() -> None:
        with os.fdopen(writing, "wb") as file:
            file.write(content)
        sent.set()

    threading.Thread(target=write).start()

    class Texts:
        reader = PipeReader(reading)
        must_wait = reader.must_wait

        def __iter__(self) -> Iterator[str]:
            return (text for _, text in decoded_lines(self.reader))

    sizes = [len(window) for window in windows(Texts(), 1000)]
    os.close(reading)
    assert sent.wait(10) and sum(sizes) == 20_000
    assert max(sizes) <= 1000 and len(sizes) < 200  # A writer may be slower than we are.


def test_a_named_pipe_is_one(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(b"a\n",)).start()
    reader = pipe_of(str(tmp_path / "pipe"))
    assert reader is not None and reader.name == str(tmp_path / "pipe")
    assert list(decoded_lines(reader)) == [(1, "a\n")]

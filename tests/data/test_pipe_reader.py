"""Standard input through a pipe tells whether its next line has come."""

import gzip
import os
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_s2s.data.lines import decoded_lines
from keras_s2s.data.pipe_reader import PipeReader, standard_input


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
        assert standard_input() is None

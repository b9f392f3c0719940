import gc
import gzip
import io
import lzma
import sys
import tracemalloc
from pathlib import Path

import pytest

from keras_s2s.data import lines
from keras_s2s.data.lines import CorpusReport, Fingerprints, decoded_lines

PACKERS = {"plain": bytes, "gzip": gzip.compress, "xz": lzma.compress}


@pytest.mark.parametrize("packer", PACKERS)
def test_a_packed_file_reads_like_the_plain_one(tmp_path: Path, packer: str) -> None:
    path = tmp_path / "text"  # No suffix: the first bytes tell.
    path.write_bytes(PACKERS[packer]("ein\nzwei\n한글".encode()))
    assert list(decoded_lines(path)) == [(1, "ein\n"), (2, "zwei\n"), (3, "한글")]


@pytest.mark.parametrize("packer", PACKERS)
def test_standard_input_may_be_packed(monkeypatch: pytest.MonkeyPatch, packer: str) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(PACKERS[packer](b"one\ntwo\n")))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert [text for _, text in decoded_lines("-")] == ["one\n", "two\n"]
    assert not stdin.buffer.closed


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x0b", "\x0c", "\x1c", "\x85", "\r"])
def test_only_a_line_feed_ends_a_line(tmp_path: Path, character: str) -> None:
    path = tmp_path / "text"
    path.write_bytes(f"a{character}b\nc".encode())
    assert list(decoded_lines(path)) == [(1, f"a{character}b\n"), (2, "c")]


def test_an_empty_file_has_no_lines(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.touch()
    assert list(decoded_lines(path)) == []


def test_invalid_utf8_is_told_by_file_line_and_byte(tmp_path: Path) -> None:
    path = tmp_path / "latin.txt"
    path.write_bytes(b"fine\nah, caf\xe9 au lait\n")
    with pytest.raises(ValueError, match=r"latin\.txt, line 2, byte 8 of the line is 0xe9"):
        list(decoded_lines(path))


@pytest.mark.parametrize("packer", ["gzip", "xz"])
@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_archive_is_a_clear_error(tmp_path: Path, packer: str, damage: str) -> None:
    packed = bytearray(PACKERS[packer]("".join(f"{i * i}\n" for i in range(50_000)).encode()))
    if damage == "cut":
        del packed[len(packed) // 2 :]
    else:
        packed[len(packed) // 2] ^= 0xFF
    path = tmp_path / "text.packed"
    path.write_bytes(packed)
    read = 0
    with pytest.raises(ValueError, match="the archive must be whole") as error:
        for line_number, text in decoded_lines(path):
            read += 1
            assert text == f"{(line_number - 1) ** 2}\n" or damage == "flipped"
    assert f"text.packed, damaged after line {read} " in str(error.value)


@pytest.mark.parametrize("suffix", [".gz", ".xz"])
def test_plain_text_under_the_name_of_an_archive_is_an_error(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"text{suffix}"
    path.write_text("plain\n")
    with pytest.raises(ValueError, match="must be such an archive"):
        list(decoded_lines(path))


def test_a_file_without_line_ends_does_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "_LONGEST_LINE", 1000)
    path = tmp_path / "text"
    path.write_bytes(b"short\n" + b"x" * 1_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="at most 1,000 bytes.*line 2"):
            list(decoded_lines(path))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 500_000  # bytes
    path.write_bytes(b"short\n" + b"x" * 1000 + b"\n")
    with pytest.raises(ValueError, match="at most 1,000 bytes.*line 2"):
        list(decoded_lines(path))
    path.write_bytes(b"short\n" + b"x" * 999 + b"\n")
    assert len(list(decoded_lines(path))) == 2


def test_an_abandoned_file_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "text.gz"
    path.write_bytes(gzip.compress(b"one\ntwo\n"))
    reader = decoded_lines(path)
    next(reader)
    del reader
    gc.collect()  # An open file would warn, and a warning is an error here.


def test_a_report_counts_all_and_names_the_first_lines() -> None:
    report = CorpusReport(("a.en", "a.de"), read=9_000, kept=8_999)
    for line_number in range(10, 1_210):
        report.add("TAB", "target", "cleaned", line_number)
    report.add("TAB", "source", "cleaned", 7)
    report.add("empty side", "source", "skipped", 3)
    assert report.count("TAB") == 1_201
    assert report.count("TAB", "source") == 1
    assert report.count("CRLF") == 0
    assert str(report) == (
        "a.en | a.de: 9,000 pairs read, 8,999 kept, 1 skipped\n"
        "  target: TAB, 1,200 cleaned (lines 10, 11, 12, 13, 14, ...)\n"
        "  source: TAB, 1 cleaned (line 7)\n"
        "  source: empty side, 1 skipped (line 3)"
    )


def test_fingerprints_know_exactly_the_texts_that_were_added() -> None:
    seen = Fingerprints()
    assert all(seen.add(str(number)) for number in range(20_000))
    assert not any(seen.add(str(number)) for number in range(20_000))
    assert seen.add("20000")


def test_fingerprints_take_at_most_36_bytes_of_memory_each() -> None:
    tracemalloc.start()
    try:
        seen = Fingerprints()
        for number in range(1024 * 2**5):
            seen.add(f"a text that is longer than its fingerprint {number}")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 36 * 1024 * 2**5

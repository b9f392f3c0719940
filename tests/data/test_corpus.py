import gzip
import io
import os
import random
import sys
import threading
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_s2s.data.corpus import Corpus, CorpusReport, read_lines

TEXTS = st.text(
    st.characters(exclude_characters="\n\ufeff", exclude_categories=["Cs"])
    | st.sampled_from("\t\r\x00\x85\u2028\u00a0 \u3000"),
    max_size=8,
)


def write_pair(folder: Path, source: str | bytes, target: str | bytes) -> tuple[Path, Path]:
    paths = folder / "corpus.en", folder / "corpus.de"
    for path, text in zip(paths, (source, target), strict=True):
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return paths


def test_line_n_of_one_file_belongs_to_line_n_of_the_other(tmp_path: Path) -> None:
    corpus = Corpus(*write_pair(tmp_path, "one\ntwo", "eins\nzwei\n"))
    assert list(corpus) == [("one", "eins"), ("two", "zwei")]
    assert corpus.report.read == corpus.report.kept == 2
    assert corpus.report.findings == []


@pytest.mark.parametrize(
    ("source_lines", "target_lines"), [(3, 5), (5, 3), (0, 2), (2, 0), (1, 2), (2, 1)]
)
def test_sides_of_different_length_are_an_error_that_gives_both_counts(
    tmp_path: Path, source_lines: int, target_lines: int
) -> None:
    corpus = Corpus(*write_pair(tmp_path, "a\n" * source_lines, "b\n" * target_lines))
    with pytest.raises(ValueError, match=f"en with {source_lines} .*de with {target_lines} lines"):
        list(corpus)


@pytest.mark.parametrize(
    ("line", "clean", "kind", "action"),
    [
        ("\ufeffA dog.", "A dog.", "byte-order mark", "cleaned"),
        ("A dog.\r", "A dog.", "CRLF", "cleaned"),
        ("A\x00dog.", "A dog.", "control character", "cleaned"),
        ("A\x85dog.", "A dog.", "control character", "cleaned"),
        ("A\u2028dog.", "A dog.", "control character", "cleaned"),
        ("A\u2029dog.", "A dog.", "control character", "cleaned"),
        ("A\rdog.", "A dog.", "control character", "cleaned"),
        ("A\tdog.", "A dog.", "TAB", "cleaned"),
        (" A dog.\u3000", "A dog.", "outer blanks", "cleaned"),
        ("A\u00a0dog.", "A\u00a0dog.", "no-break space", "kept"),
    ],
)
def test_what_can_be_mended_is_mended_and_counted(
    tmp_path: Path, line: str, clean: str, kind: str, action: str
) -> None:
    corpus = Corpus(*write_pair(tmp_path, f"Hi.\n{line}\n", "Hallo.\nEin Hund.\n"))
    assert list(corpus) == [("Hi.", "Hallo."), (clean, "Ein Hund.")]
    (finding,) = corpus.report.findings
    assert (finding.kind, finding.side, finding.action) == (kind, "source", action)
    assert (finding.count, finding.first_lines) == (1, [2])


@pytest.mark.parametrize("blank", ["", " ", "\t", "\x00", "\u2028\u00a0"])
def test_an_empty_or_blank_side_is_skipped_and_counted(tmp_path: Path, blank: str) -> None:
    corpus = Corpus(*write_pair(tmp_path, f"one\n{blank}\nthree\n", f"eins\nzwei\n{blank}\n"))
    assert list(corpus) == [("one", "eins")]
    assert corpus.report.count("empty side", "source") == 1
    assert corpus.report.count("empty side", "target") == 1
    assert (corpus.report.read, corpus.report.kept) == (3, 1)


def test_a_side_longer_than_the_limit_is_skipped_and_counted(tmp_path: Path) -> None:
    paths = write_pair(tmp_path, "한글날\n한글\n", "ab\nabc\n")
    corpus = Corpus(*paths, maximum_characters=2)
    assert list(corpus) == []
    assert corpus.report.count("too long", "source") == 1
    assert corpus.report.count("too long", "target") == 1
    assert len(list(Corpus(*paths, maximum_characters=3))) == 2
    assert len(list(Corpus(*paths, maximum_characters=None))) == 2


@pytest.mark.parametrize(
    ("duplicates", "kept", "counted"), [("keep", 5, 2), ("remove", 3, 2), ("ignore", 5, 0)]
)
def test_duplicates_are_kept_removed_or_ignored(
    tmp_path: Path, duplicates: str, kept: int, counted: int
) -> None:
    paths = write_pair(tmp_path, "a\na\na\nb\na\n", "x\ny\nx\nx\nx \n")
    corpus = Corpus(*paths, duplicates=duplicates)  # pyright: ignore[reportArgumentType]
    assert len(list(corpus)) == corpus.report.kept == kept
    assert corpus.report.count("exact duplicate") == counted


def test_an_evaluation_set_keeps_every_pair(tmp_path: Path) -> None:
    paths = write_pair(tmp_path, "a\n\na\nlong\n", "x\ny\nx\n \n")
    corpus = Corpus(*paths, maximum_characters=3, keep_all=True)
    assert list(corpus) == [("a", "x"), ("", "y"), ("a", "x"), ("long", "")]
    assert corpus.report.count("empty side") == 2
    assert corpus.report.count("too long") == 1
    assert corpus.report.count("exact duplicate") == 1
    assert {finding.action for finding in corpus.report.findings} == {"kept", "cleaned"}


@settings(deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5))
def test_any_text_comes_out_clean_and_stays_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("corpus")
    for _ in range(2):
        paths = write_pair(
            folder, *("".join(f"{t}\n" for t in side) for side in zip(*pairs, strict=True))
        )
        corpus = Corpus(*paths, keep_all=True)
        earlier, pairs = pairs, list(corpus)
        assert len(pairs) == len(earlier)
    assert pairs == earlier
    assert not any(finding.action == "cleaned" for finding in corpus.report.findings)


def test_every_iteration_reads_and_reports_anew(tmp_path: Path) -> None:
    corpus = Corpus(*write_pair(tmp_path, "a\n\na\n", "x\ny\nx\n"))
    first, first_report = list(corpus), corpus.report
    assert list(corpus) == first
    assert corpus.report == first_report
    assert corpus.report is not first_report


def test_one_side_may_come_from_standard_input_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"one\n")))
    corpus = Corpus("-", write_pair(tmp_path, "", "eins\n")[1])
    assert list(corpus) == [("one", "eins")]
    with pytest.raises(ValueError, match="only once. Received: standard input and .*corpus.de"):
        list(corpus)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_is_read_only_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=[gzip.compress(b"one\teins\n")])
    writer.start()
    corpus = Corpus.from_tsv(pipe)
    assert list(corpus) == [("one", "eins")]
    writer.join()
    with pytest.raises(ValueError, match="only once"):
        list(corpus)


def test_the_digest_is_another_one_for_other_files_and_other_arguments(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x\ty\n")
    (tmp_path / "b").write_text("y\tx\n")
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    corpora = [
        Corpus(a, b),
        Corpus(b, a),
        Corpus(a, a),
        Corpus(a, b, duplicates="ignore"),
        Corpus(a, b, maximum_characters=9),
        Corpus(a, b, keep_all=True),
        Corpus.from_tsv(a),
        Corpus.from_tsv(a, columns=(1, 0)),
    ]
    digests = [corpus.digest() for corpus in corpora]
    assert len(set(digests)) == len(corpora)
    assert [corpus.digest() for corpus in corpora] == digests
    (tmp_path / "a").write_text("x\tz\n")
    assert all(
        now != then for now, then in zip((c.digest() for c in corpora), digests, strict=True)
    )
    before = corpora[0].digest()
    (tmp_path / "b").rename(tmp_path / "c")
    assert Corpus(a, str(tmp_path / "c")).digest() == before


def test_what_can_be_read_once_alone_has_no_digest(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x\n")
    with pytest.raises(ValueError, match="read twice. Received: standard input"):
        Corpus("-", str(tmp_path / "a")).digest()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="read twice. Received: .*pipe"):
        Corpus(str(tmp_path / "a"), str(tmp_path / "pipe")).digest()


def test_wrong_arguments_are_told_before_anything_is_read(tmp_path: Path) -> None:
    paths = write_pair(tmp_path, "", "")
    with pytest.raises(ValueError, match="one of the two files, not both"):
        Corpus("-", "-")
    with pytest.raises(FileNotFoundError, match="absent"):
        Corpus(paths[0], tmp_path / "absent")
    with pytest.raises(FileNotFoundError, match="absent"):
        read_lines(tmp_path / "absent")
    with pytest.raises(ValueError, match="maximum_characters=0"):
        Corpus(*paths, maximum_characters=0)
    with pytest.raises(ValueError, match="duplicates='remove', keep_all=True"):
        Corpus(*paths, duplicates="remove", keep_all=True)
    with pytest.raises(ValueError, match=r"columns=\(1, 1\)"):
        Corpus.from_tsv(paths[0], columns=(1, 1))


def test_a_tsv_line_is_a_pair(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_bytes(b'\xef\xbb\xbfone\t "eins" \r\n\ntwo\tzwei')
    corpus = Corpus.from_tsv(path)
    assert list(corpus) == [("one", '"eins"'), ("two", "zwei")]
    assert corpus.report.count("byte-order mark", "pair") == 1
    assert corpus.report.count("CRLF", "pair") == 1
    assert corpus.report.count("outer blanks", "target") == 1
    assert corpus.report.count("empty side") == 2
    assert list(Corpus.from_tsv(path, columns=(1, 0)))[1] == ("zwei", "two")


def test_tsv_columns_that_nobody_asked_for_are_dropped_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("Go.\tVe.\tCC-BY 2.0\nRun!\t¡Corre!\tCC-BY 2.0\n", encoding="utf-8")
    corpus = Corpus.from_tsv(path)
    assert list(corpus) == [("Go.", "Ve."), ("Run!", "¡Corre!")]
    assert corpus.report.count("columns beyond the two") == 2


def test_a_tsv_line_with_another_number_of_columns_is_no_pair(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("a\tx\nb\ty\tz\nc\nd\tw\n")
    corpus = Corpus.from_tsv(path)
    assert list(corpus) == [("a", "x"), ("d", "w")]
    assert corpus.report.count("wrong number of columns") == 2
    assert (corpus.report.read, corpus.report.kept) == (4, 2)
    with pytest.raises(ValueError, match="2 columns.*line 2 with 3"):
        list(Corpus.from_tsv(path, keep_all=True))


@pytest.mark.parametrize("columns", [(0, 2), (2, 0)])
def test_a_tsv_without_the_wanted_columns_is_an_error(
    tmp_path: Path, columns: tuple[int, int]
) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("a\tx\n")
    with pytest.raises(ValueError, match="3 columns.*line 1 with 2"):
        list(Corpus.from_tsv(path, columns=columns))


def test_line_n_of_a_single_file_is_string_n(tmp_path: Path) -> None:
    path = tmp_path / "input.txt"
    path.write_bytes("\ufeffA\tdog.\r\n\n \nb\u2028c".encode())
    report = CorpusReport(("input.txt",), unit="lines")
    assert list(read_lines(path, report=report)) == ["A dog.", "", "", "b c"]
    assert list(read_lines(path)) == ["A dog.", "", "", "b c"]
    assert report.read == report.kept == 4
    assert report.count("CRLF") == report.count("TAB") == report.count("outer blanks") == 1


def peak_memory(paths: tuple[Path, Path]) -> int:
    corpus = Corpus(*paths, duplicates="ignore")
    tracemalloc.start()
    try:
        count = sum(1 for _ in corpus)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == corpus.report.read
    return peak


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    generator = random.Random(0)
    text = "".join(f"{generator.random()} a sentence\n" for _ in range(4_000))
    small = peak_memory(write_pair(tmp_path, text, text))
    large = peak_memory(write_pair(tmp_path, text * 10, text * 10))
    assert large < small + 16_000  # bytes, where the large file has 2.5 million


def test_the_faults_of_multi30k_are_found(shared_data: Path) -> None:
    folder = shared_data / "multi30k"
    corpus = Corpus(folder / "train.en", folder / "train.de")
    pairs = list(corpus)
    report = corpus.report
    assert report.read == report.kept == len(pairs) == 29_000
    assert report.count("TAB", "target") == report.count("TAB") == 1
    assert report.count("outer blanks", "target") == report.count("outer blanks") == 40
    assert report.count("no-break space", "target") == 44  # Lines; the characters are 47.
    assert report.count("exact duplicate") == 3
    assert len(report.findings) == 4
    assert not any("\t" in text or text != text.strip() for pair in pairs for text in pair)


@pytest.mark.parametrize("language", ["fre", "hun", "kor"])
def test_a_real_tsv_reads_without_a_fault(shared_data: Path, language: str) -> None:
    corpus = Corpus.from_tsv(shared_data / "sigmorphon2020_g2p" / f"{language}_dev.tsv")
    assert len(list(corpus)) == 450
    assert corpus.report.findings == []

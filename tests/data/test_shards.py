"""A shard gives back what was put into it, and nothing else is taken for one."""

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_s2s.data.rows import TokenRows
from keras_s2s.data.shards import SIDES, Shard, write_shard

TEXTS = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=9)
ROWS = st.lists(st.integers(4, 99) | st.just(1), max_size=9)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def make(path: Path, vocabulary_size: int = 100) -> Shard:
    rows = {side: TokenRows("ids", [[5, 6], [7], []]) for side in SIDES}
    write_shard(path, {side: ["five six", "seven", ""] for side in SIDES}, rows, vocabulary_size)
    return Shard(path, sha256(path))


def remade(path: Path, **changes: np.ndarray | bytes) -> Shard:
    """A shard with other members, whose digest is right."""
    make(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for name, change in changes.items():
        if isinstance(change, np.ndarray):
            np.save(stream := io.BytesIO(), change)
            change = stream.getvalue()
        members[f"{name}.npy"] = change
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return Shard(path, sha256(path))


@given(st.lists(st.tuples(TEXTS, TEXTS, ROWS, ROWS), min_size=1, max_size=9))
def test_texts_lengths_and_ids_come_back(
    tmp_path_factory: pytest.TempPathFactory,
    pairs: list[tuple[str, str, list[int], list[int]]],
) -> None:
    path = tmp_path_factory.mktemp("shard") / "shard.npz"
    sources, targets, *ids = zip(*pairs, strict=True)
    texts = {"source": sources, "target": targets}
    rows = {side: TokenRows("ids", one) for side, one in zip(SIDES, ids, strict=True)}
    write_shard(path, texts, rows, 100)
    shard = Shard(path, sha256(path))
    content, lengths = shard.read(), shard.lengths()
    for side, one in zip(SIDES, ids, strict=True):
        assert content.texts(side) == list(texts[side])
        assert lengths[side].tolist() == [len(row) + 1 for row in one]
        found = content.rows(side, 1)
        for place, row in enumerate(one):
            assert found.padded(np.array([place])).tolist() == [[*row, 3]]


def test_the_same_content_is_the_same_bytes_and_leaves_no_other_file(tmp_path: Path) -> None:
    first, again = make(tmp_path / "first.npz"), make(tmp_path / "again.npz")
    assert first.sha256 == again.sha256
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.npz", "first.npz"]


@pytest.mark.parametrize(("size", "kind"), [(2**16, np.uint16), (2**16 + 1, np.int32)])
def test_ids_take_two_bytes_where_they_fit(size: int, kind: type, tmp_path: Path) -> None:
    path = tmp_path / "shard.npz"
    rows = {side: TokenRows("ids", [[size - 1]]) for side in SIDES}
    write_shard(path, {side: ["x"] for side in SIDES}, rows, size)
    content = Shard(path, sha256(path)).read()
    assert content.arrays["target_ids"].dtype == kind
    assert content.rows("target", 1).padded(np.array([0])).tolist() == [[size - 1, 3]]


@pytest.mark.parametrize("place", range(0, 1700, 97))
def test_a_changed_byte_is_found_before_anything_is_parsed(place: int, tmp_path: Path) -> None:
    shard = make(tmp_path / "shard.npz")
    data = bytearray(shard.path.read_bytes())
    data[place % len(data)] ^= 1
    shard.path.write_bytes(data)
    with pytest.raises(ValueError, match=r"shard\.npz, damaged \(its SHA-256 differs\).*again"):
        shard.read()


def test_a_missing_or_a_cut_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    shard = make(tmp_path / "shard.npz")
    shard.path.write_bytes(shard.path.read_bytes()[:-30])
    for look in (shard.lengths, shard.read):
        with pytest.raises(ValueError, match=r"Received: .*shard\.npz, damaged"):
            look()
    shard.path.unlink()
    for look in (shard.lengths, shard.read):
        with pytest.raises(ValueError, match=r"shard\.npz, damaged .*No such file"):
            look()


def header(shape: str, kind: str) -> bytes:
    text = f"{{'descr': {kind!r}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    "lie",
    [
        header("(1000000000000000,)", "<i4") + bytes(12),
        header("(2,)", "<i4") + bytes(12),
        header("(3, 1)", "<i4") + bytes(12),
        header("(3,)", "<i4") + bytes(11),
        header("(3,)", "|O") + bytes(24),
        header("(3,)", "<f8") + bytes(24),
        b"\x93NUMPY\x02\x00" + bytes(80),
        b"no array",
        b"",
    ],
)
def test_sizes_and_kinds_that_lie_are_errors_and_take_no_memory(lie: bytes, tmp_path: Path) -> None:
    shard = remade(tmp_path / "shard.npz", source_lengths=lie)
    for look in (shard.lengths, shard.read):
        with pytest.raises(ValueError, match=r"Received: .*shard\.npz, damaged"):
            look()


@pytest.mark.parametrize(
    "lengths", [[3, 2, 2], [3, 3, 0], [2**31 - 1, 2, 1], [-1, 6, 1], [2, 3, 1], [], [3, 2, 1, 0]]
)
def test_lengths_that_are_not_those_of_the_rows_are_errors(
    lengths: list[int], tmp_path: Path
) -> None:
    shard = remade(tmp_path / "shard.npz", target_lengths=np.array(lengths, np.int32))
    with pytest.raises(ValueError, match=r"the target ids in .*shard\.npz must be as long as"):
        shard.read().rows("target", 1)


def test_sides_of_different_numbers_and_texts_too_few_are_errors(tmp_path: Path) -> None:
    shard = remade(tmp_path / "shard.npz", source_lengths=np.array([1], np.int32))
    with pytest.raises(ValueError, match="sides of different numbers of rows"):
        shard.lengths()
    shard = remade(tmp_path / "shard.npz", source_text=np.frombuffer(b"one\n", np.uint8))
    with pytest.raises(ValueError, match="1 texts of the source"):
        shard.read().texts("source")
    shard = remade(tmp_path / "shard.npz", source_text=np.frombuffer(b"\xff\n\n\n", np.uint8))
    with pytest.raises(ValueError, match=r"shard\.npz, damaged .*utf-8"):
        shard.read().texts("source")


def test_compressed_members_are_refused_as_they_may_grow_without_bound(tmp_path: Path) -> None:
    shard = make(tmp_path / "shard.npz")
    arrays = dict(np.load(shard.path))
    np.savez_compressed(shard.path, **arrays)
    with pytest.raises(ValueError, match="source_lengths is compressed"):
        shard.lengths()


def test_marks_among_the_ids_are_an_error_that_names_the_file(tmp_path: Path) -> None:
    shard = remade(tmp_path / "shard.npz", source_ids=np.array([5, 0, 3, 7, 3, 3], np.uint16))
    with pytest.raises(ValueError, match=r"the source ids in .*shard\.npz must not hold padding"):
        shard.read().rows("source", 1)


def test_a_shard_that_could_not_be_written_is_not_there(tmp_path: Path) -> None:
    rows = {side: TokenRows("ids", [[5]]) for side in SIDES}
    with pytest.raises(UnicodeEncodeError):
        write_shard(tmp_path / "shard.npz", {side: ["\ud800"] for side in SIDES}, rows, 9)
    assert list(tmp_path.iterdir()) == []

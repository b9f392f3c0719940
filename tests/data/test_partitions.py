"""Pairs are written to random partitions and read back once each, in an order set by the seed."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_s2s.data import partitions
from keras_s2s.data.partitions import PARTITIONS, shuffled, write_partitions

SIDES = st.text(st.characters(exclude_characters="\t\n", exclude_categories=["Cs"]), max_size=9)


@settings(max_examples=20)
@given(st.lists(st.tuples(SIDES, SIDES), max_size=30), st.integers(0, 9), st.integers(0, 9))
def test_every_pair_comes_back_once(
    tmp_path_factory: pytest.TempPathFactory,
    pairs: list[tuple[str, str]],
    seed: int,
    number: int,
) -> None:
    folder = tmp_path_factory.mktemp("partitions")
    counts = write_partitions(iter(pairs), folder, seed)
    assert len(counts) == PARTITIONS and sum(counts) == len(pairs)
    assert Counter(shuffled(folder, range(PARTITIONS), number)) == Counter(pairs)


def test_a_partition_is_a_sample_of_a_sorted_corpus_and_so_is_any_part_of_it(
    tmp_path: Path,
) -> None:
    counts = write_partitions(((str(number), "") for number in range(60_000)), tmp_path, seed=3)
    assert min(counts) > 150 and max(counts) < 330  # 234 with a standard deviation of 15
    pairs = shuffled(tmp_path, range(64), seed=0)
    assert len(pairs) == sum(counts[:64])
    for part in (pairs[:5000], pairs[-5000:]):
        mean = np.mean([int(source) for source, _ in part])
        assert abs(float(mean) - 30_000) < 1500  # The mean of 5,000 deviates by 245.


def test_the_seed_decides_partitions_and_order(tmp_path: Path) -> None:
    pairs = [(str(number), "x") for number in range(500)]
    folders = [tmp_path / name for name in ("first", "again", "other")]
    for folder, seed in zip(folders, (1, 1, 2), strict=True):
        folder.mkdir()
        write_partitions(pairs, folder, seed)
    first, again, other = ([p.read_bytes() for p in sorted(f.iterdir())] for f in folders)
    assert first == again != other
    orders = [shuffled(folders[0], range(PARTITIONS), seed) for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]


def test_what_does_not_fit_the_buffer_is_written_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = [(f"source {number}", f"target {number}") for number in range(300)]
    write_partitions(pairs, (whole := tmp_path / "whole").mkdir() or whole, seed=1)
    monkeypatch.setattr(partitions, "_BUFFER", 20)
    write_partitions(pairs, (parts := tmp_path / "parts").mkdir() or parts, seed=1)
    assert [p.read_bytes() for p in sorted(whole.iterdir())] == [
        p.read_bytes() for p in sorted(parts.iterdir())
    ]

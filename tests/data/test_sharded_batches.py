"""Batches from shards: every pair once an epoch, the same at any start, two shards in memory."""

import hashlib
import itertools
import random
import re
import threading
import time
import weakref
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from keras_s2s.data import sharded_batches
from keras_s2s.data.batches import Batches
from keras_s2s.data.rows import TokenRows
from keras_s2s.data.sharded_batches import ShardedBatches
from keras_s2s.data.shards import SIDES, Shard, ShardContent, write_shard

from ..budget import examples

Pair = tuple[list[int], list[int]]


def random_shards(counts: Sequence[int]) -> list[list[Pair]]:
    """Pairs whose first source token tells which they are."""
    draw, names = random.Random(0), itertools.count(4)

    def pair() -> Pair:
        row = [draw.randrange(4, 99) for _ in range(draw.randrange(12))]
        return [next(names), *row], [draw.randrange(4, 99) for _ in row]

    return [[pair() for _ in range(count)] for count in counts]


def write(folder: Path, shards: list[list[Pair]]) -> list[Shard]:
    """Shards whose texts are the ids, apart by blanks."""
    written = []
    for number, pairs in enumerate(shards):
        path = folder / f"{number:05}.npz"
        texts, rows = {}, {}
        for side, ids in zip(SIDES, zip(*pairs, strict=True), strict=True):
            texts[side] = [" ".join(map(str, row)) for row in ids]
            rows[side] = TokenRows("ids", ids)
        write_shard(path, texts, rows, 2**20)
        written.append(Shard(path, hashlib.sha256(path.read_bytes()).hexdigest()))
    return written


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> list[Shard]:
    """Three shards, of 40, 25 and 60 pairs."""
    return write(tmp_path_factory.mktemp("shards"), random_shards([40, 25, 60]))


def as_lists(dataset: tf.data.Dataset) -> list[tuple[list, list, list]]:
    return [
        (source.tolist(), target_in.tolist(), target_out.tolist())
        for (source, target_in), target_out in dataset.as_numpy_iterator()
    ]


def pairs_in(dataset: tf.data.Dataset) -> Counter:
    """The pairs, without marks and padding; that the target is shifted is checked on the way."""
    found = Counter()
    for sources, targets_in, targets_out in as_lists(dataset):
        for source, target_in, target_out in zip(sources, targets_in, targets_out, strict=True):
            source, inner, outer = (
                [i for i in row if i] for row in (source, target_in, target_out)
            )
            assert inner[0] == 2 and outer[-1] == source[-1] == 3 and inner[1:] == outer[:-1]
            found[tuple(source[:-1]), tuple(outer[:-1])] += 1
    return found


@examples(8)
@given(
    st.lists(st.integers(1, 20), min_size=1, max_size=4),
    st.integers(1, 60),
    st.booleans(),
    st.integers(0, 3),
    st.none() | st.integers(1, 9),
)
def test_every_pair_comes_once_an_epoch(
    tmp_path_factory: pytest.TempPathFactory,
    counts: list[int],
    batch_tokens: int,
    shuffle: bool,
    epoch: int,
    maximum_length: int | None,
) -> None:
    pairs = random_shards(counts)
    every = [pair for shard in pairs for pair in shard]
    kept = [p for p in every if maximum_length is None or max(map(len, p)) < maximum_length]
    written = write(tmp_path_factory.mktemp("shards"), pairs)
    options: dict[str, Any] = {"maximum_length": maximum_length, "batch_tokens": batch_tokens}
    if not kept:
        with pytest.raises(ValueError, match=f"{len(every)} pairs, none left with"):
            ShardedBatches(written, shuffle=shuffle, **options)
        return
    batches = ShardedBatches(written, shuffle=shuffle, source_step=3, **options)
    assert (batches.pairs, batches.skipped) == (len(kept), len(every) - len(kept))
    assert batches.target_tokens == sum(len(target) + 1 for _, target in kept)
    found = as_lists(batches.epoch(epoch))
    assert len(found) == batches.steps_per_epoch == batches.epoch(epoch).cardinality()
    assert all(len(row) % 3 == 0 for source, _, _ in found for row in source)
    assert all(t == [t[0]] or len(t) * len(t[0]) <= batch_tokens for _, _, t in found)
    expected = Counter((tuple(source), tuple(target)) for source, target in kept)
    assert pairs_in(batches.epoch(epoch)) == expected


def test_the_batches_of_a_shard_are_those_of_a_corpus_in_memory(tmp_path: Path) -> None:
    (pairs,) = shards = random_shards([90])
    sharded = ShardedBatches(write(tmp_path, shards), batch_tokens=64, shuffle=False)
    batches = Batches(*zip(*pairs, strict=True), batch_tokens=64, shuffle=False)
    assert as_lists(sharded.epoch(3)) == as_lists(batches.epoch(3))
    assert sharded.steps_per_epoch == batches.steps_per_epoch
    assert sharded.padding == batches.padding


@examples(6)
@given(st.integers(0, 2), st.integers(0, 60))
def test_starting_at_a_step_equals_skipping_up_to_it(
    shards: list[Shard], epoch: int, step: int
) -> None:
    batches = ShardedBatches(shards, batch_tokens=64, seed=3)
    skipped = batches.dataset().skip(epoch * batches.steps_per_epoch + step).take(20)
    assert as_lists(batches.dataset(epoch, step).take(20)) == as_lists(skipped)


def test_the_endless_dataset_is_one_epoch_after_the_other(shards: list[Shard]) -> None:
    batches = ShardedBatches(shards, batch_sentences=8)
    steps = batches.steps_per_epoch
    expected = as_lists(batches.epoch(1, first_step=7)) + as_lists(batches.epoch(2))
    assert as_lists(batches.dataset(1, 7).take(2 * steps - 7)) == expected
    assert as_lists(batches.epoch(1, first_step=steps)) == []


def test_a_start_in_the_middle_reads_no_shard_before_it(
    shards: list[Shard], monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = ShardedBatches(shards, batch_sentences=8, seed=1)
    order = batches.plan(4)
    read: list[Path] = []
    whole = Shard.read
    monkeypatch.setattr(Shard, "read", lambda shard: read.append(shard.path) or whole(shard))
    as_lists(batches.epoch(4, first_step=order[0][1] + order[1][1] + 1))
    assert read == [shards[order[2][0]].path]
    read.clear()
    as_lists(batches.epoch(4, first_step=order[0][1] - 1))
    assert read == [shards[place].path for place, _ in order]


def test_the_seed_and_the_epoch_decide_the_order(shards: list[Shard]) -> None:
    batches, again = (ShardedBatches(shards, batch_sentences=8, seed=5) for _ in range(2))
    first = as_lists(batches.epoch(0))
    assert first == as_lists(again.epoch(0)) != as_lists(batches.epoch(1))
    assert first != as_lists(ShardedBatches(shards, batch_sentences=8, seed=6).epoch(0))
    orders = {tuple(batches.plan(epoch)) for epoch in range(30)}
    assert len(orders) == 6
    assert all(sorted(order) == [(0, 5), (1, 4), (2, 8)] for order in orders)
    plain = ShardedBatches(shards, batch_sentences=8, shuffle=False)
    assert plain.plan(7) == [(0, 5), (1, 4), (2, 8)]


def test_two_shards_of_the_same_lengths_are_in_different_orders(tmp_path: Path) -> None:
    (pairs,) = random_shards([60])
    batches = ShardedBatches(write(tmp_path, [pairs, pairs]), batch_sentences=4)
    found = as_lists(batches.epoch(0))
    half = batches.plan(0)[0][1]
    assert [len(s[0]) for s, _, _ in found[:half]] != [len(s[0]) for s, _, _ in found[half:]]


def as_ids(texts: Sequence[str], more: int) -> list[list[int]]:
    return [[int(word) for word in text.split()] + [more] for text in texts]


def test_texts_are_cut_anew_for_every_shard_of_every_epoch(shards: list[Shard]) -> None:
    asked = []

    def resample(sources: Sequence[str], targets: Sequence[str], number: int) -> tuple:
        asked.append(number)
        return as_ids(sources, 100 + number), as_ids(targets, 200 + number)

    plain = ShardedBatches(shards, batch_sentences=8)
    batches = ShardedBatches(shards, batch_sentences=8, resample=resample)
    assert asked == [] and batches.steps_per_epoch == plain.steps_per_epoch
    for epoch in (0, 2):
        asked.clear()
        found = pairs_in(batches.epoch(epoch))
        assert asked == [3 * epoch + place for place, _ in batches.plan(epoch)]
        assert {source[-1] - 100 for source, _ in found} == set(asked)
        assert all(target[-1] - source[-1] == 100 for source, target in found)
        cut = Counter({(s[:-1], t[:-1]): count for (s, t), count in found.items()})
        assert cut == pairs_in(plain.epoch(epoch))


def test_a_resampling_that_loses_pairs_is_an_error(shards: list[Shard]) -> None:
    batches = ShardedBatches(shards, resample=lambda s, t, n: (as_ids(s, 5), as_ids(t, 5)[1:]))
    with pytest.raises(tf.errors.OpError, match="resample must return"):
        as_lists(batches.epoch(0))
    assert isinstance(batches.error, ValueError)
    assert re.search("Received: (.*) sources, (.*) targets", str(batches.error))


def test_at_most_two_shards_are_in_memory_and_the_next_is_there_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = ShardedBatches(write(tmp_path, random_shards([30] * 6)), batch_sentences=2)
    read: list[str] = []
    in_memory: weakref.WeakSet[TokenRows] = weakref.WeakSet()
    whole, cut = Shard.read, sharded_batches.cut_batches

    def noted(source: TokenRows, *others: Any) -> Iterator:
        in_memory.add(source)
        return cut(source, *others)

    def reading(shard: Shard) -> ShardContent:
        read.append(threading.current_thread().name)
        return whole(shard)

    monkeypatch.setattr(sharded_batches, "cut_batches", noted)
    monkeypatch.setattr(Shard, "read", reading)
    for step, _ in enumerate(batches._batches([(0, 0), (1, 0)])):
        assert len(in_memory) <= 2
        for _ in range(500 if step % 15 == 1 else 0):  # The next is read while this one lasts.
            if len(read) < min(12, step // 15 + 2):
                time.sleep(0.01)
        assert step % 15 == 0 or len(read) == min(12, step // 15 + 2)
    assert len(read) == 12 and all(name.startswith("shards") for name in read)


def test_a_damaged_shard_is_found_when_its_turn_comes(tmp_path: Path) -> None:
    shards = write(tmp_path, random_shards([20, 20]))
    batches = ShardedBatches(shards, batch_sentences=2, shuffle=False)
    data = bytearray(shards[1].path.read_bytes())
    data[-400] ^= 1
    shards[1].path.write_bytes(data)
    assert len(as_lists(batches.dataset().take(2))) == 2
    with pytest.raises(tf.errors.OpError, match=r"00001\.npz, damaged"):
        as_lists(batches.epoch(0))
    assert isinstance(batches.error, ValueError) and "00001.npz" in str(batches.error)


def test_a_missing_shard_is_found_at_the_start(tmp_path: Path) -> None:
    shards = write(tmp_path, random_shards([20, 20]))
    shards[1].path.unlink()
    with pytest.raises(ValueError, match=r"Received: .*00001\.npz, damaged"):
        ShardedBatches(shards)


def test_it_tells_its_size_and_what_the_first_shard_is_like(shards: list[Shard]) -> None:
    text = str(ShardedBatches(shards, batch_sentences=1))
    assert text.startswith("125 pairs in 3 shards, 125 batches an epoch; in the first shard ")
    assert re.search(r"shard \d+\.\d % padding, \d+ shapes$", text)
    assert str(ShardedBatches(shards, maximum_length=5)).endswith("longer than 5 tokens skipped")


def test_wrong_arguments_are_told(shards: list[Shard]) -> None:
    with pytest.raises(ValueError, match="Received: 0 pairs"):
        ShardedBatches([])
    for name in ("batch_tokens", "batch_sentences", "source_step", "target_step", "maximum_length"):
        with pytest.raises(ValueError, match=f"{name} must be at least 1. Received: {name}=0"):
            ShardedBatches(shards, **{name: 0})  # pyright: ignore[reportArgumentType]
    for options in ({"seed": -1}, {"length_noise": -0.5}, {"length_noise": float("nan")}):
        with pytest.raises(ValueError, match="must be at least 0"):
            ShardedBatches(shards, **options)  # pyright: ignore[reportArgumentType]
    batches = ShardedBatches(shards)
    for wrong in (lambda: batches.plan(-1), lambda: batches.dataset(0, -1)):
        with pytest.raises(ValueError, match="must be at least 0"):
            wrong()

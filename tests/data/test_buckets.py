from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_s2s.data.buckets import LengthBuckets

LENGTHS = st.lists(
    st.tuples(st.integers(1, 60), st.integers(1, 60) | st.sampled_from([5, 500])),
    min_size=1,
    max_size=120,
)
OPTIONS = st.fixed_dictionaries(
    {
        "batch_tokens": st.integers(1, 400),
        "batch_sentences": st.none() | st.integers(1, 20),
        "seed": st.integers(0, 2**70),
        "shuffle": st.booleans(),
        "length_noise": st.sampled_from([0.0, 0.05, 0.3, 2.0]),
        "source_step": st.integers(1, 9),
        "target_step": st.integers(1, 9),
    }
)


def make_buckets(source: np.ndarray, target: np.ndarray, **options) -> LengthBuckets:
    defaults = {
        "batch_tokens": 4096,
        "batch_sentences": None,
        "seed": 0,
        "shuffle": True,
        "length_noise": 0.05,
        "source_step": 1,
        "target_step": 1,
    }
    return LengthBuckets(source, target, **(defaults | options))


def rounded_up(length: int, step: int) -> int:
    while length % step:
        length += 1
    return length


@settings(deadline=None)
@given(LENGTHS, OPTIONS, st.integers(0, 1000))
def test_every_epoch_has_every_pair_once_in_batches_within_the_limit(
    lengths: list[tuple[int, int]], options: dict, epoch: int
) -> None:
    source, target = np.array(lengths).T
    buckets = make_buckets(source, target, **options)
    plan = buckets.plan(epoch)
    assert len(plan) == buckets.steps_per_epoch
    assert sorted(np.concatenate(plan)) == list(range(len(lengths)))
    for pairs in plan:
        width = rounded_up(target[pairs].max(), options["target_step"])
        if options["batch_sentences"] is not None:
            assert len(pairs) <= options["batch_sentences"]
        else:
            assert len(pairs) == 1 or len(pairs) * width <= options["batch_tokens"]


@settings(deadline=None)
@given(LENGTHS, OPTIONS)
def test_padding_and_shapes_are_those_of_the_padded_batches(
    lengths: list[tuple[int, int]], options: dict
) -> None:
    source, target = np.array(lengths).T
    buckets = make_buckets(source, target, **options)
    steps = options["source_step"], options["target_step"]
    shapes = [
        (len(pairs), rounded_up(source[pairs].max(), steps[0]), rounded_up(t.max(), steps[1]))
        for pairs in buckets.plan(3)
        for t in [target[pairs]]
    ]
    cells = sum(rows * (source_width + target_width) for rows, source_width, target_width in shapes)
    padding, shape_count = buckets.measure(3)
    assert padding == pytest.approx(1 - (source.sum() + target.sum()) / cells)
    assert shape_count == len(set(shapes))


def test_batches_are_full_but_for_the_last_of_the_shortest() -> None:
    source = target = np.arange(1, 101)
    buckets = make_buckets(source, target, batch_sentences=8)
    sizes = sorted(len(pairs) for pairs in buckets.plan(0))
    assert sizes == [4] + [8] * 12


def test_like_lengths_share_a_batch() -> None:
    source, target = np.repeat([3, 9, 3, 9], 50), np.repeat([4, 4, 8, 8], 50)
    buckets = make_buckets(source, target, batch_sentences=10, length_noise=0.0)
    shared = [(set(source[pairs]), set(target[pairs])) for pairs in buckets.plan(0)]
    assert sum(len(sources) == len(targets) == 1 for sources, targets in shared) >= 16  # Of 20.
    assert buckets.measure(0)[0] < 0.06


def test_a_plan_depends_on_seed_and_epoch_alone() -> None:
    source, target = np.random.default_rng(0).integers(1, 30, [2, 2_000])
    buckets = make_buckets(source, target, batch_tokens=500, seed=7)
    again = make_buckets(source, target, batch_tokens=500, seed=7)
    other = make_buckets(source, target, batch_tokens=500, seed=8)
    buckets.plan(0)  # What was asked before does not matter.
    plan = [pairs.tolist() for pairs in buckets.plan(5)]
    assert plan == [pairs.tolist() for pairs in again.plan(5)]
    assert plan != [pairs.tolist() for pairs in buckets.plan(6)]
    assert plan != [pairs.tolist() for pairs in other.plan(5)]
    assert sorted(map(sorted, plan)) != sorted(map(sorted, (p.tolist() for p in buckets.plan(6))))


def test_length_noise_never_makes_a_batch_exceed_the_limit() -> None:
    target = np.arange(1, 61).repeat(5)
    for length_noise in (0.1, 1.0, 10.0):
        buckets = make_buckets(target, target, batch_tokens=120, length_noise=length_noise)
        for epoch in range(20):
            assert all(len(pairs) * target[pairs].max() <= 120 for pairs in buckets.plan(epoch))


def test_long_and_short_batches_come_in_random_order() -> None:
    target = np.arange(1, 61).repeat(5)
    buckets = make_buckets(target, target, batch_sentences=10)
    longest_steps = {
        int(np.argmax([target[pairs].max() for pairs in buckets.plan(epoch)]))
        for epoch in range(10)
    }
    assert len(longest_steps) > 5


def test_without_shuffling_all_epochs_are_the_same_from_long_to_short() -> None:
    source, target = np.random.default_rng(0).integers(1, 30, [2, 500])
    buckets = make_buckets(source, target, batch_tokens=100, shuffle=False, length_noise=1.0)
    plan = [pairs.tolist() for pairs in buckets.plan(0)]
    assert plan == [pairs.tolist() for pairs in buckets.plan(1)]
    assert target[plan[0]].min() > 20
    assert target[plan[-1]].max() < 10


def company_kept(buckets: LengthBuckets, count: int) -> float:
    """Of the couples that share a batch in epoch 0, the fraction that shares one in epoch 1."""
    batch_of_pair = np.empty(count, int)
    for number, pairs in enumerate(buckets.plan(1)):
        batch_of_pair[pairs] = number
    couples = together = 0
    for pairs in buckets.plan(0):
        shares = np.bincount(batch_of_pair[pairs])
        couples += len(pairs) * (len(pairs) - 1)
        together += int((shares * (shares - 1)).sum())
    return together / couples


@pytest.mark.parametrize(("batch_tokens", "most_padding"), [(2048, 0.06), (4096, 0.08)])
def test_multi30k_is_padded_little_and_mixed_well(
    shared_data: Path, batch_tokens: int, most_padding: float
) -> None:
    def lengths(language: str) -> np.ndarray:
        # Words in pieces of up to six characters: 15.6 and 15.3 pieces a line, as subwords have.
        lines = (shared_data / "multi30k" / f"train.{language}").open(encoding="utf-8")
        with lines:
            return np.array(
                [1 + sum(-(-len(word) // 6) for word in line.split()) for line in lines]
            )

    source, target = lengths("en"), lengths("de")
    buckets = make_buckets(source, target, batch_tokens=batch_tokens)
    for epoch in range(3):
        assert buckets.measure(epoch)[0] < most_padding
    assert company_kept(buckets, len(source)) < 0.5
    assert len(np.concatenate(buckets.plan(0))) == 29_000
    assert buckets.steps_per_epoch < 1.15 * target.sum() / batch_tokens  # Batches are full.

import functools
import itertools
import random
import re

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_s2s.data.batches import Batches
from keras_s2s.text.tokenizers import SentencePieceTokenizer

ROWS = st.lists(st.integers(4, 99) | st.just(1), max_size=9)
PAIRS = st.lists(st.tuples(ROWS, ROWS), min_size=1, max_size=30)


def random_pairs(count: int) -> tuple[list[list[int]], list[list[int]]]:
    """Pairs whose first source token tells which they are."""
    generator = random.Random(0)
    sources = [
        [4 + number] + [generator.randrange(4, 99) for _ in range(generator.randrange(12))]
        for number in range(count)
    ]
    targets = [[generator.randrange(4, 99) for _ in source[1:]] for source in sources]
    return sources, targets


def as_lists(dataset: tf.data.Dataset) -> list[tuple[list, list, list]]:
    return [
        (source.tolist(), target_in.tolist(), target_out.tolist())
        for (source, target_in), target_out in dataset.as_numpy_iterator()
    ]


def padded(rows: list[list[int]], step: int = 1) -> list[list[int]]:
    width = -(-max(map(len, rows)) // step) * step
    return [row + [0] * (width - len(row)) for row in rows]


@settings(deadline=None, max_examples=15)
@given(PAIRS, st.integers(1, 40), st.booleans(), st.integers(1, 4), st.integers(1, 4))
def test_a_batch_is_its_pairs_with_marks_padded_on_the_right(
    pairs: list[tuple[list[int], list[int]]],
    batch_tokens: int,
    shuffle: bool,
    source_step: int,
    target_step: int,
) -> None:
    sources, targets = zip(*pairs, strict=True)
    batches = Batches(
        sources,
        targets,
        batch_tokens=batch_tokens,
        shuffle=shuffle,
        source_step=source_step,
        target_step=target_step,
    )
    plan = batches.plan(2)
    assert sorted(itertools.chain(*plan)) == list(range(len(pairs)))
    assert as_lists(batches.epoch(2)) == [
        (
            padded([[*sources[pair], 3] for pair in batch], source_step),
            padded([[2, *targets[pair]] for pair in batch], target_step),
            padded([[*targets[pair], 3] for pair in batch], target_step),
        )
        for batch in plan
    ]


def test_elements_are_int32_of_unknown_sizes_and_the_epoch_knows_its_length() -> None:
    batches = Batches(*random_pairs(100), batch_sentences=8)
    spec = tf.TensorSpec([None, None], tf.int32)  # pyright: ignore[reportArgumentType]
    assert batches.epoch(0).element_spec == ((spec, spec), spec)
    assert batches.epoch(0).cardinality() == batches.steps_per_epoch == 13
    assert batches.epoch(0, first_step=4).cardinality() == 9
    assert batches.dataset().cardinality() == tf.data.INFINITE_CARDINALITY


@settings(deadline=None, max_examples=8)
@given(st.integers(0, 2), st.integers(0, 40))
def test_starting_at_a_step_equals_skipping_up_to_it(epoch: int, step: int) -> None:
    batches = Batches(*random_pairs(100), batch_tokens=64, seed=3)
    skipped = batches.dataset().skip(epoch * batches.steps_per_epoch + step).take(20)
    assert as_lists(batches.dataset(epoch, step).take(20)) == as_lists(skipped)


def test_the_endless_dataset_is_one_epoch_after_the_other() -> None:
    batches = Batches(*random_pairs(50), batch_sentences=8)
    steps = batches.steps_per_epoch
    expected = as_lists(batches.epoch(1, first_step=3)) + as_lists(batches.epoch(2))
    assert as_lists(batches.dataset(1, 3).take(2 * steps - 3)) == expected
    assert as_lists(batches.epoch(1, first_step=steps)) == []


def test_a_dataset_starts_anew_whenever_it_is_iterated() -> None:
    dataset = Batches(*random_pairs(50), batch_sentences=8).dataset().take(10)
    assert as_lists(dataset) == as_lists(dataset)


def test_the_same_seed_gives_the_same_batches_and_another_epoch_others() -> None:
    pairs = random_pairs(200)
    batches, again = (Batches(*pairs, batch_sentences=8, seed=5) for _ in range(2))
    first = as_lists(batches.epoch(0))
    assert first == as_lists(again.epoch(0))
    assert first != as_lists(batches.epoch(1))
    assert first != as_lists(Batches(*pairs, batch_sentences=8, seed=6).epoch(0))
    for dataset in (batches.epoch(0), batches.epoch(1)):
        names = [row[0] for source, _, _ in as_lists(dataset) for row in source]
        assert sorted(names) == list(range(4, 204))


def test_padding_is_the_fraction_of_zeros() -> None:
    batches = Batches(*random_pairs(300), batch_tokens=200)
    tokens = [np.array(part).ravel() for s, _, t in as_lists(batches.epoch(0)) for part in (s, t)]
    assert batches.padding == pytest.approx(np.mean(np.concatenate(tokens) == 0))
    assert 0 < batches.padding < 0.2


def test_pairs_that_are_too_long_are_skipped_and_counted() -> None:
    sources = [[5], [5] * 3, [5] * 4, [5], [6]]
    targets = [[5], [5], [5], [5] * 4, [6]]
    batches = Batches(sources, targets, maximum_length=4, batch_sentences=9, shuffle=False)
    assert (batches.pairs, batches.skipped) == (3, 2)
    assert np.concatenate(batches.plan(0)).tolist() == [1, 0, 4]
    assert as_lists(batches.epoch(0))[0][0] == [[5, 5, 5, 3], [5, 3, 0, 0], [6, 3, 0, 0]]
    assert str(batches) == (
        "3 pairs in 1 batch an epoch, 22.2 % padding, 1 shape; 2 longer than 4 tokens skipped"
    )


def test_ids_may_be_arrays_and_come_from_generators() -> None:
    sources, targets = random_pairs(20)
    expected = as_lists(Batches(sources, targets).epoch(0))
    arrays = (np.array(row, dtype=np.int64) for row in sources)
    assert as_lists(Batches(arrays, (tuple(row) for row in targets)).epoch(0)) == expected


@pytest.mark.parametrize("mark", [0, 2, 3, -1])
def test_marks_among_the_ids_are_an_error_that_names_the_row(mark: int) -> None:
    message = re.escape(f"Received: id {mark} in target_ids[1]")
    with pytest.raises(ValueError, match=message):
        Batches([[5], [5], [5]], [[5, 6], [mark, 5], [7]])


@pytest.mark.parametrize("row", ["text", 5, [5.5], [None], [2**31]])
def test_what_is_no_row_of_ids_is_an_error_that_names_it(row: object) -> None:
    with pytest.raises(TypeError, match=r"Received: source_ids\[1\]="):
        Batches([[5], row], [[5], [6]])  # pyright: ignore[reportArgumentType]


def test_wrong_arguments_are_told() -> None:
    with pytest.raises(ValueError, match="source_ids of 2 rows, target_ids of 1 rows"):
        Batches([[5], [5]], [[5]])
    with pytest.raises(ValueError, match="Received: 0 pairs"):
        Batches([], [])
    with pytest.raises(ValueError, match="none left with maximum_length=3"):
        Batches([[5, 5, 5]], [[5]], maximum_length=3)
    for name in ("batch_tokens", "batch_sentences", "source_step", "target_step", "maximum_length"):
        with pytest.raises(ValueError, match=f"{name} must be at least 1. Received: {name}=0"):
            Batches([[5]], [[5]], **{name: 0})  # pyright: ignore[reportArgumentType]
    for options in ({"seed": -1}, {"length_noise": -0.5}, {"length_noise": float("nan")}):
        with pytest.raises(ValueError, match="must be at least 0"):
            Batches([[5]], [[5]], **options)  # pyright: ignore[reportArgumentType]
    batches = Batches([[5]], [[5]])
    for wrong in (lambda: batches.plan(-1), lambda: batches.dataset(0, -1)):
        with pytest.raises(ValueError, match="must be at least 0"):
            wrong()
    with pytest.raises(ValueError, match="first_step must be at most 1"):
        batches.epoch(0, first_step=2)


def longer(rows: list[list[int]], epoch: int) -> list[list[int]]:
    """Other ids for every epoch, and more of them."""
    return [row + [100 + epoch] * (1 + (number + epoch) % 5) for number, row in enumerate(rows)]


@pytest.mark.parametrize("maximum_length", [None, 8])
def test_resampling_the_same_ids_gives_the_same_batches(maximum_length: int | None) -> None:
    pairs = random_pairs(60)
    make = functools.partial(
        Batches,
        *pairs,
        batch_tokens=48,
        maximum_length=maximum_length,
        source_step=3,
        target_step=2,
    )
    batches, again = make(), make(resample=lambda epoch: pairs)
    assert as_lists(again.epoch(1)) == as_lists(batches.epoch(1))
    assert as_lists(again.dataset(0, 5).take(20)) == as_lists(batches.dataset(0, 5).take(20))
    assert str(again) == str(batches)


def test_resampled_ids_take_the_places_of_the_first_ones_however_long_they_are() -> None:
    sources, targets = random_pairs(60)
    first = Batches(sources, targets, batch_tokens=48, maximum_length=8)
    batches = Batches(
        sources,
        targets,
        batch_tokens=48,
        maximum_length=8,
        resample=lambda epoch: (longer(sources, epoch), longer(targets, epoch + 1)),
    )
    assert (batches.pairs, batches.skipped) == (first.pairs, first.skipped)
    assert first.skipped > 0
    for epoch in (0, 3):
        plan = first.plan(epoch)
        assert list(map(list, batches.plan(epoch))) == list(map(list, plan))
        new_sources, new_targets = longer(sources, epoch), longer(targets, epoch + 1)
        assert as_lists(batches.epoch(epoch)) == [
            (
                padded([[*new_sources[pair], 3] for pair in batch]),
                padded([[2, *new_targets[pair]] for pair in batch]),
                padded([[*new_targets[pair], 3] for pair in batch]),
            )
            for batch in plan
        ]


def test_an_epoch_is_resampled_once_and_with_its_number() -> None:
    pairs = random_pairs(100)
    asked = []

    def resample(epoch: int) -> tuple[list[list[int]], list[list[int]]]:
        asked.append(epoch)
        return pairs

    batches = Batches(*pairs, batch_sentences=8, resample=resample)
    assert asked == []
    as_lists(batches.epoch(4, first_step=2))
    assert asked == [4]
    as_lists(batches.dataset(1, 20).take(20))
    assert asked[1:3] == [2, 3]
    assert asked[3:] in ([], [4])  # What comes next may be at hand already.


@pytest.mark.parametrize(("epoch", "step"), [(0, 0), (0, 7), (1, 15), (2, 40)])
def test_resampled_batches_go_on_at_any_step(epoch: int, step: int) -> None:
    lines = ["low lower lowest", "new newer newest", "wide wider widest"] * 10
    tokenizer = SentencePieceTokenizer.train(lines)
    ids = tokenizer.encode_all(lines)
    batches = Batches(
        ids,
        ids,
        batch_sentences=2,
        resample=lambda epoch: (tokenizer.encode_all(lines, alpha=0.1, seed=epoch), ids),
    )
    whole = as_lists(batches.dataset().skip(epoch * batches.steps_per_epoch + step).take(20))
    assert as_lists(batches.dataset(epoch, step).take(20)) == whole
    assert whole != as_lists(Batches(ids, ids, batch_sentences=2).dataset(epoch, step).take(20))


def test_resampling_another_number_of_rows_or_no_ids_is_an_error_that_says_so() -> None:
    for answer, message in (
        (([[5]], [[5], [6]]), r"return 2 sources.*Received: 1 sources, 2 targets for epoch=3"),
        (([[5], [6]], [[5]] * 3), "Received: 2 sources, 3 targets"),
        (([], []), "Received: 0 sources, 0 targets"),
        (([[5], [6]], [[5], [0]]), r"Received: id 0 in resample\(3\)\[1\]\[1\]"),
    ):
        batches = Batches([[5], [6]], [[5], [6]], resample=lambda epoch, answer=answer: answer)
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            as_lists(batches.epoch(3))

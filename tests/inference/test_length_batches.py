"""Which texts share a batch."""

from __future__ import annotations

import numpy as np

from keras_s2s.inference.length_batches import SOURCE_CELLS, WEIGHT_CELLS, batches_by_length


def sizes(lengths: list[int], batch_size: int = 64, weight_beams: int = 0) -> list[int]:
    array = np.array(lengths)
    return [
        len(rows) for rows in batches_by_length(array, 3 * array + 20, batch_size, weight_beams)
    ]


def test_the_longest_come_first_and_equals_in_their_order() -> None:
    lengths = np.array([2, 5, 0, 2, 5])
    batches = batches_by_length(lengths, lengths, batch_size=3)
    assert [rows.tolist() for rows in batches] == [[1, 4, 0], [3]]


def test_long_sources_go_in_batches_that_memory_can_hold() -> None:
    assert sizes([1000] * 40) == [16, 16, 8]
    assert 16 * 1000 <= SOURCE_CELLS < 17 * 1000


def test_attention_weights_make_batches_smaller() -> None:
    assert sizes([200] * 9, weight_beams=50) == [9]
    assert sizes([200] * 9, weight_beams=90) == [6, 3]
    assert 6 * 90 * 200 * 620 <= WEIGHT_CELLS < 7 * 90 * 200 * 620


def test_a_source_that_is_too_long_for_any_batch_goes_alone() -> None:
    assert sizes([20_000] * 2) == sizes([10_000] * 2, weight_beams=1) == [1, 1]


def test_no_source_is_no_batch() -> None:
    assert sizes([]) == sizes([0, 0]) == []

"""The numbers that samples are drawn by; what is drawn is tested in test_search.py."""

import numpy as np
import pytest
from keras import ops

from keras_s2s.search.sample import uniform_numbers


def test_uniform_numbers_fill_the_unit_interval_evenly() -> None:
    numbers = ops.convert_to_numpy(uniform_numbers(7, ops.arange(500), 400))
    assert numbers.dtype == "float32" and numbers.min() >= 0.0 and numbers.max() < 1.0
    counts = np.histogram(numbers, bins=100, range=(0.0, 1.0))[0]
    assert ((counts - 2000) ** 2 / 2000).sum() < 135  # 99 degrees of freedom: one in a hundred.


@pytest.mark.parametrize("axis", [0, 1])
def test_uniform_numbers_of_neighbours_are_unrelated(axis: int) -> None:
    numbers = ops.convert_to_numpy(uniform_numbers(0, ops.arange(500), 400))
    one, other = np.moveaxis(numbers, axis, 0)[:-1], np.moveaxis(numbers, axis, 0)[1:]
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.01


def test_uniform_numbers_are_a_function_of_seed_row_and_place() -> None:
    many = ops.convert_to_numpy(uniform_numbers(2**32 - 1, ops.array([3, 9, 4]), 8))
    few = ops.convert_to_numpy(uniform_numbers(2**32 - 1, ops.array([9]), 5))
    np.testing.assert_array_equal(many[1:2, :5], few)
    assert len(np.unique(many)) == 24

"""The numbers that samples are drawn by; what is drawn is tested in test_search.py."""

import numpy as np
import pytest
from keras import ops

from keras_s2s.search.sample import sample_ids, sample_search, uniform_numbers
from keras_s2s.search.sample_strategy import Sample


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


def test_ids_of_samples_differ_and_begin_with_the_row_s_own() -> None:
    rows = np.array([0, 1, 7, 2**31 - 1])
    ids = ops.convert_to_numpy(sample_ids(rows, 50)).reshape(4, 50)
    assert ids[:, 0].tolist() == rows.tolist() and ids.min() >= 0
    assert len(np.unique(ids)) == 200


def test_samples_of_one_row_come_as_often_as_the_distribution_says() -> None:
    probabilities = np.array([[1e-9, 1e-9, 1e-9, 1e-9, 0.2, 0.8]])

    def step(tokens: np.ndarray, state: tuple) -> tuple:
        return ops.repeat(ops.log(probabilities), tokens.shape[0], axis=0), state, None

    found = sample_search(step, (), 2, Sample(seed=3), maximum_length=1, n_best=2000)
    ids = ops.convert_to_numpy(found.ids)
    assert ids.shape == (2, 2000, 1) and found.weights is None
    shares = (ids == 5).mean(axis=(1, 2))
    np.testing.assert_allclose(shares, 0.8, atol=0.03)
    assert (ids[0] != ids[1]).any()

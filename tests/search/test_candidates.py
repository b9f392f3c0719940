"""The best and the drawn tokens of a row, against NumPy."""

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_s2s.search.candidates import best_tokens, take_rows, top_values
from keras_s2s.search.sample import uniform_numbers


def test_rows_are_taken_by_their_own_index() -> None:
    values = np.arange(24).reshape(2, 3, 4)
    index = np.array([[2, 2], [0, 1]], "int32")
    expected = [values[0, [2, 2]], values[1, [0, 1]]]
    np.testing.assert_array_equal(take_rows(ops.array(values), ops.array(index)), expected)


@pytest.mark.parametrize("size", [5, 1000, 2048, 4001])
@pytest.mark.parametrize("distinct", [3, 10**9])
def test_top_values_are_those_of_top_k_with_the_lower_index_winning_ties(
    size: int, distinct: int
) -> None:
    random = np.random.default_rng(size)
    values = (random.integers(0, distinct, size=(7, size)) / distinct).astype("float32")
    values[0] = 1.0
    values[1] = -np.inf
    for count in (1, 4):
        ours, theirs = top_values(ops.array(values), count), tf.math.top_k(values, count)
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])


def test_a_tie_between_a_good_part_of_the_row_and_an_earlier_one_goes_to_the_earlier() -> None:
    values = np.zeros((1, 3000), "float32")
    values[0, [10, 2000, 2001]] = 1.0, 2.0, 1.0
    assert ops.convert_to_numpy(top_values(ops.array(values), 2)[1]).tolist() == [[2000, 10]]


@pytest.mark.parametrize("size", [6, 3000])
def test_best_tokens_are_sorted_allowed_and_keep_the_models_log_probabilities(size: int) -> None:
    logits = np.random.default_rng(size).normal(size=(5, size), scale=4.0).astype("float32")
    logits[:, 2] = 40.0
    exact = logits.astype("float64")
    exact -= np.log(np.exp(exact).sum(1, keepdims=True))
    exact[:, [0, 2]] = -np.inf
    order = np.argsort(-exact, axis=1)[:, :4]
    found, tokens = best_tokens(ops.array(logits), 4, (0, 2))
    np.testing.assert_array_equal(tokens, order)
    np.testing.assert_allclose(found, np.take_along_axis(exact, order, 1), rtol=1e-5)


def test_there_are_no_more_best_tokens_than_the_vocabulary_has() -> None:
    found, tokens = best_tokens(ops.zeros((1, 4)), 9, (0,))
    assert np.sort(tokens).tolist() == [[0, 1, 2, 3]]
    assert np.isneginf(found).tolist() == [[False, False, False, True]]


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

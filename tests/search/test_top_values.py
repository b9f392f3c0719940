"""The largest values of long rows, against TensorFlow's `top_k`."""

import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_s2s.search.top_values import top_values


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

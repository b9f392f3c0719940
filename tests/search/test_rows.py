"""Entries of rows, against NumPy."""

import numpy as np
from keras import ops

from keras_s2s.search.rows import take_rows


def test_rows_are_taken_by_their_own_index() -> None:
    values = np.arange(24).reshape(2, 3, 4)
    index = np.array([[2, 2], [0, 1]], "int32")
    expected = [values[0, [2, 2]], values[1, [0, 1]]]
    np.testing.assert_array_equal(take_rows(ops.array(values), ops.array(index)), expected)

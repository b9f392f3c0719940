"""Entries of rows, against NumPy."""

import numpy as np
from keras import ops

from keras_s2s.search.rows import continue_histories, take_each, take_rows


def test_rows_are_taken_by_their_own_index() -> None:
    values = np.arange(24).reshape(2, 3, 4)
    index = np.array([[2, 2], [0, 1]], "int32")
    expected = [values[0, [2, 2]], values[1, [0, 1]]]
    np.testing.assert_array_equal(take_rows(ops.array(values), ops.array(index)), expected)


def test_the_same_rows_are_taken_of_every_tensor() -> None:
    structure = {"one": ops.array([4, 5, 6]), "missing": None}
    found = take_each(structure, ops.array([2, 0]))
    assert ops.convert_to_numpy(found["one"]).tolist() == [6, 4] and found["missing"] is None


def test_a_history_that_continues_another_has_its_entries_and_one_more() -> None:
    histories = ops.array([[[7, 0, 0], [8, 0, 0]]])
    found = continue_histories(histories, ops.array([[1, 1, 0]]), ops.array([[4, 5, 6]]), 1)
    assert ops.convert_to_numpy(found).tolist() == [[[8, 4, 0], [8, 5, 0], [7, 6, 0]]]

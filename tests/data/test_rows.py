import re

import numpy as np
import pytest

from keras_s2s.data.rows import TokenRows


@pytest.mark.parametrize(("step", "width"), [(1, 4), (3, 6), (4, 4), (10, 10)])
def test_rows_end_with_a_mark_and_are_padded_to_the_step(step: int, width: int) -> None:
    rows = TokenRows("ids", [[7, 8], [], [4, 5, 6]], step)
    assert rows.lengths.tolist() == [3, 1, 4]
    padded = rows.padded(np.array([2, 1, 2]))
    assert padded.dtype == np.int32
    assert padded.tolist() == [
        row + [0] * (width - len(row)) for row in ([4, 5, 6, 3], [3], [4, 5, 6, 3])
    ]


def test_no_rows_are_no_error() -> None:
    assert TokenRows("ids", []).lengths.tolist() == []


def test_errors_name_the_rows_and_the_place() -> None:
    with pytest.raises(ValueError, match=re.escape("Received: id 2 in ids[2]")):
        TokenRows("ids", [[5], [], [6, 2]])
    with pytest.raises(TypeError, match=re.escape("Received: ids[1]=None")):
        TokenRows("ids", [[5], None])  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.int64])
def test_rows_can_be_made_of_the_arrays_of_others(kind: type) -> None:
    rows = TokenRows("ids", [[7, 8], [], [4, 5, 6]], 2)
    same = TokenRows.from_arrays("ids", rows.ids.astype(kind), rows.lengths.astype(kind), 2)
    for places in ([0, 1, 2], [1], [2, 2]):
        padded = same.padded(np.array(places))
        assert padded.dtype == np.int32
        assert padded.tolist() == rows.padded(np.array(places)).tolist()


@pytest.mark.parametrize("lengths", [[3], [2, 3], [5, 0], [6, -1], [2**40, 2], [3, 2, 1], []])
def test_arrays_that_do_not_fit_are_an_error(lengths: list[int]) -> None:
    ids = np.array([5, 6, 3, 7, 3])
    with pytest.raises(ValueError, match="Received: 5 ids, . lengths"):
        TokenRows.from_arrays("ids", ids, np.array(lengths, np.int64))

import re

import numpy as np
import pytest

from keras_s2s.text.rows import TokenRows


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

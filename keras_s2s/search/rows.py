"""Rows of tensors: all of them repeated, or entries of each taken.

C is a number of entries; the other letters are those of the package.
"""

from typing import Any

from keras import ops

from keras_s2s.search.inputs import Tensor
from keras_s2s.search.structure import map_tensors


def repeat_rows(tensors: Any, count: int) -> Any:
    """Repeat every row `count` times, a row's copies together: `[B, ...]` to `[B * count, ...]`.

    Args:
        tensors: any nested structure of tensors.
        count: copies of each row.

    Returns:
        The same structure with the rows repeated.

    Example:
        >>> from keras import ops
        >>> ops.convert_to_numpy(repeat_rows(ops.array([4, 5]), 2)).tolist()
        [4, 4, 5, 5]
    """
    if count == 1:
        return tensors
    return map_tensors(lambda tensor: ops.repeat(tensor, count, axis=0), tensors)


def take_rows(array: Tensor, index: Tensor) -> Tensor:
    """Take entries of each row by that row's own index.

    Args:
        array: `[N, M, ...]`; M is static.
        index: int32 `[N, C]`, entries from 0 to M - 1.

    Returns:
        `[N, C, ...]`, where `result[n, c] = array[n, index[n, c]]`.
    """
    row_count, size, *entry = ops.shape(array)
    flat_index = index + size * ops.arange(row_count, dtype="int32")[:, None]
    return ops.take(ops.reshape(array, (-1, *entry)), flat_index, axis=0)

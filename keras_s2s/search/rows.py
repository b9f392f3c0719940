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


def take_each(tensors: Any, index: Tensor) -> Any:
    """Take some rows, int32 `[M]`, of every tensor in a nested structure."""
    return map_tensors(lambda tensor: ops.take(tensor, index, axis=0), tensors)


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


def continue_histories(histories: Tensor, sources: Tensor, entries: Tensor, step: Tensor) -> Tensor:
    """Continue histories of each row by one entry.

    Args:
        histories: int32 `[B, M, T]`, what is known of M histories.
        sources: int32 `[B, C]`, which of them each new history continues.
        entries: int32 `[B, C]`, what is appended to each.
        step: int32 `[]`, where it is written, from 0.

    Returns:
        int32 `[B, C, T]`.
    """
    is_now = ops.equal(ops.arange(ops.shape(histories)[-1], dtype="int32"), step)
    return ops.where(is_now, entries[..., None], take_rows(histories, sources))

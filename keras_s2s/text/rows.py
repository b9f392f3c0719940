"""Rows of token ids, held one after the other in memory and padded when a batch needs them."""

from array import array
from collections.abc import Iterable

import numpy as np

from keras_s2s.text.tokenizers import END_ID, PAD_ID, START_ID


class TokenRows:
    """Rows of ids of any lengths, with an end mark behind each.

    Args:
        name: What messages call the rows.
        rows: Token ids of every row, without start and end marks.
        step: Batches are padded to a multiple of this many tokens.

    Attributes:
        lengths: Tokens of every row, end mark included, int64 [rows].
        step: The step.

    Raises:
        TypeError: The ids are not sequences of integers.
        ValueError: An id is a mark or negative.

    Example:
        >>> rows = TokenRows("source_ids", [[5, 6], [7], []], step=2)
        >>> rows.padded(np.array([2, 0])).tolist()
        [[3, 0, 0, 0], [5, 6, 3, 0]]
    """

    def __init__(self, name: str, rows: Iterable[Iterable[int]], step: int = 1) -> None:
        self._ids, self.lengths = _flatten(name, rows)
        self._ends = np.cumsum(self.lengths)
        self.step = step
        _check_ids(name, self._ids, self._ends)

    def padded(self, places: np.ndarray) -> np.ndarray:
        """Returns some rows, padded on the right to the longest of them.

        Args:
            places: Which rows, int64 [B].

        Returns:
            Ids, int32 [B, L].
        """
        lengths = self.lengths[places][:, None]  # [B, 1]
        starts = self._ends[places][:, None] - lengths  # [B, 1]
        columns = np.arange(-(-lengths.max() // self.step) * self.step)  # [L]
        real = columns < lengths  # [B, L]
        padded = np.full(real.shape, PAD_ID, np.int32)
        padded[real] = self._ids[(starts + columns)[real]]
        return padded


def _flatten(name: str, rows: Iterable[Iterable[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Returns all ids one after the other, an end mark behind every row, and the row lengths."""
    flat, lengths = array("i"), array("q")
    for number, row in enumerate(rows):
        start = len(flat)
        try:
            flat.extend(row)
        except (TypeError, OverflowError) as error:
            raise TypeError(
                f"{name} must be rows of 32-bit integers. "
                f"Received: {name}[{number}]={row!r} ({error}). Encode the text first."
            ) from error
        flat.append(END_ID)
        lengths.append(len(flat) - start)
    return np.asarray(flat), np.asarray(lengths)


def _check_ids(name: str, ids: np.ndarray, ends: np.ndarray) -> None:
    wrong = (ids < 0) | (ids == PAD_ID) | (ids == START_ID) | (ids == END_ID)
    wrong[ends - 1] = False
    if wrong.any():
        place = int(wrong.argmax())
        number = int(np.searchsorted(ends, place, side="right"))
        raise ValueError(
            f"{name} must not hold padding, start or end marks, nor negative ids. "
            f"Received: id {ids[place]} in {name}[{number}]. The marks are added by themselves."
        )

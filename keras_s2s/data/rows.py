"""Rows of token ids, concatenated in memory and padded batch by batch."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

import numpy as np

from keras_s2s.special_ids import END_ID, PAD_ID, START_ID


class TokenRows:
    """Rows of token ids of any lengths, each with an end token.

    Args:
        name: Name of the rows in error messages.
        rows: Token ids of every row, without start and end tokens.
        step: Batches are padded to a multiple of this many tokens.

    Attributes:
        ids: Ids of all rows, concatenated, each with its end token; integers [tokens].
        lengths: Tokens of every row, end token included, int64 [rows].
        step: The step.

    Raises:
        TypeError: The ids are not sequences of integers.
        ValueError: An id is reserved or negative.

    Example:
        >>> rows = TokenRows("source_ids", [[5, 6], [7], []], step=2)
        >>> rows.padded(np.array([2, 0])).tolist()
        [[3, 0, 0, 0], [5, 6, 3, 0]]
    """

    def __init__(self, name: str, rows: Iterable[Iterable[int]], step: int = 1) -> None:
        self._hold(name, *_flatten(name, rows), step)

    @classmethod
    def from_arrays(
        cls, name: str, ids: np.ndarray, lengths: np.ndarray, step: int = 1
    ) -> TokenRows:
        """Creates rows from the `ids` and `lengths` of another `TokenRows`.

        Args:
            name: As for `TokenRows`.
            ids: Its ids, of any integer type.
            lengths: Its lengths, of any integer type.
            step: As for `TokenRows`.

        Returns:
            The rows.

        Raises:
            ValueError: The lengths do not match the rows, or an id is reserved or negative.

        Example:
            >>> rows = TokenRows.from_arrays("ids", np.array([5, 6, 3, 3]), np.array([3, 1]))
            >>> rows.padded(np.array([1, 0])).tolist()
            [[3, 0, 0], [5, 6, 3]]
        """
        lengths = lengths.astype(np.int64)
        ends = np.cumsum(lengths)
        outside = (lengths < 1) | (lengths > len(ids))
        if outside.any() or lengths.sum() != len(ids) or (ids[ends - 1] != END_ID).any():
            raise ValueError(
                f"{name} must be as long as their lengths say, with an end mark behind every row. "
                f"Received: {len(ids)} ids, {len(lengths)} lengths. Take both from one TokenRows."
            )
        rows = cls.__new__(cls)
        rows._hold(name, ids, lengths, step)
        return rows

    def _hold(self, name: str, ids: np.ndarray, lengths: np.ndarray, step: int) -> None:
        self.ids, self.lengths, self.step = ids, lengths, step
        self._ends = np.cumsum(lengths)
        _check_ids(name, ids, self._ends)

    def padded(self, indices: np.ndarray) -> np.ndarray:
        """Returns some rows, padded on the right to the longest of them.

        Args:
            indices: Indices of the rows, int64 [B].

        Returns:
            Ids, int32 [B, L].
        """
        lengths = self.lengths[indices][:, None]  # [B, 1]
        starts = self._ends[indices][:, None] - lengths  # [B, 1]
        columns = np.arange(-(-lengths.max() // self.step) * self.step)  # [L]
        real = columns < lengths  # [B, L]
        padded = np.full(real.shape, PAD_ID, np.int32)
        padded[real] = self.ids[(starts + columns)[real]]
        return padded


def _flatten(name: str, rows: Iterable[Iterable[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the ids of all rows, concatenated with end tokens, and the lengths of the rows."""
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

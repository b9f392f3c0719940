"""A warning where a column that holds numbers only was taken for text."""

from __future__ import annotations

import warnings


class NumberColumns:
    """Sees the pairs of a tab-separated file.

    Args:
        file: Its name.
        columns: Indices of the columns of source and target.
    """

    def __init__(self, file: str, columns: tuple[int, int]) -> None:
        self._file = file
        self._columns: dict[str, int] = {"source": columns[0], "target": columns[1]}
        self._numbers: dict[str, bool] = {}

    def see(self, source: str, target: str) -> None:
        """Take a pair into account."""
        for side, text in (("source", source), ("target", target)):
            self._numbers[side] = self._numbers.get(side, True) and text.isdecimal()

    def warn(self, has_others: bool) -> None:
        """Warn of each side whose texts are all numbers, if there are other columns to choose."""
        for side, are_numbers in self._numbers.items():
            if are_numbers and has_others:
                warnings.warn(
                    f"the column of the {side} holds numbers only, and there are others. Received: "
                    f"{self._file}, column {self._columns[side] + 1}, counted from 1. "
                    "Choose other columns, on the command line by --columns.",
                    stacklevel=3,
                )

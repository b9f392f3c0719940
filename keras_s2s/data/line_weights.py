"""Weights of sentence pairs, from a file with a number on each line of the corpus."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_s2s.data.corpus import Corpus
from keras_s2s.data.line_values import LineValues
from keras_s2s.data.lines import FilePath, file_name

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
LARGEST = 1e30  # The losses are summed in float32.


def weighted_pairs(corpus: Corpus, path: FilePath) -> Iterator[tuple[tuple[str, str], float]]:
    r"""Yields each pair of a corpus with the weight that stands on its line of another file.

    Both are read line by line. The weights of pairs that the corpus skips are skipped too.

    Args:
        corpus: The corpus.
        path: File with a number on each line, plain or compressed by gzip or xz.

    Yields:
        The pair and its weight.

    Raises:
        ValueError: A line holds no finite number from 0 to 1e30, the weights of all pairs are 0,
            or the file has another number of lines than the corpus.
        OSError: The file cannot be read.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (folder / "train.tsv").write_text("A dog.\tEin Hund.\n\nNo.\tNein.\n")
        >>> _ = (folder / "weights").write_text("0.5\n1\n2\n")
        >>> list(weighted_pairs(Corpus.from_tsv(folder / "train.tsv"), folder / "weights"))
        [(('A dog.', 'Ein Hund.'), 0.5), (('No.', 'Nein.'), 2.0)]
    """
    weights, largest = LineValues(path, "weights", read_weight), 0.0
    for number, pair in corpus.numbered():
        weight = weights.at(number, corpus)
        largest = max(largest, weight)
        yield pair, weight
    weights.finish(corpus)
    if not largest and corpus.report.kept:
        raise ValueError(
            "At least one of the weights must be above 0. Received: 0 for every pair, in "
            f"{file_name(path)}"
        )


def read_weight(text: str) -> float:
    """The number on a line.

    Raises:
        ValueError: It is no finite number from 0 to 1e30.
    """
    weight = float(text) if NUMBER.fullmatch(text) else math.nan
    if not 0 <= weight <= LARGEST:
        raise ValueError(
            f"a weight must be a number from 0 to {LARGEST:g}. Received: {text[:50]!r}"
        )
    return weight


def checked_weights(sample_weight: Any, count: int) -> np.ndarray | None:
    """The weights of pairs as an array.

    Args:
        sample_weight: A number for each pair, `[pairs]`; `None` for none.
        count: Number of the pairs.

    Returns:
        float32 `[pairs]`, or `None`.

    Raises:
        ValueError: They are no numbers from 0, all are 0, or there are more or fewer of them.
    """
    if sample_weight is None:
        return None
    found = np.asarray(sample_weight, "float32")
    if found.shape != (count,):
        raise ValueError(
            f"`sample_weight` must be a number for each of {count:,} pairs. Received: shape "
            f"{found.shape}"
        )
    if not (np.isfinite(found) & (found >= 0)).all() or not found.any():
        raise ValueError(
            "`sample_weight` must be finite and at least 0, and at least one above 0 in float32. "
            f"Received: numbers from {found.min()} to {found.max()}"
        )
    return found

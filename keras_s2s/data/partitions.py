"""Random partitions of a corpus on disk, so that a corpus of any size can be shuffled."""

import random
from collections.abc import Iterable
from pathlib import Path

import numpy as np

PARTITIONS = 256
TAB = "\t"
_BUFFER = 1 << 16  # bytes of a partition in memory


def write_partitions(rows: Iterable[tuple[str, ...]], folder: Path, seed: int) -> list[int]:
    """Writes each row to a random partition; no row stays in memory.

    Args:
        rows: Sources and targets, and perhaps more fields, without TABs and line feeds, as a
            `Corpus` yields them.
        folder: An empty folder, which gets a file for each partition.
        seed: Seed of the random choice.

    Returns:
        The number of rows in every partition.

    Raises:
        OSError: The folder cannot be written.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> counts = write_partitions([("a", "b"), ("c", "d")], folder, seed=1)
        >>> sum(counts), sorted(shuffled(folder, range(PARTITIONS), seed=1))
        (2, [('a', 'b'), ('c', 'd')])
    """
    random_source = random.Random(seed)
    counts, buffers = [0] * PARTITIONS, [bytearray() for _ in range(PARTITIONS)]
    for row in rows:
        number = random_source.randrange(PARTITIONS)
        counts[number] += 1
        buffers[number] += f"{TAB.join(row)}\n".encode()
        if len(buffers[number]) >= _BUFFER:
            _append(folder, number, buffers[number])
            buffers[number].clear()
    for number, buffer in enumerate(buffers):
        _append(folder, number, buffer)
    return counts


def shuffled(folder: Path, partitions: Iterable[int], seed: int) -> list[tuple[str, ...]]:
    """Reads some partitions and shuffles their rows.

    Args:
        folder: The folder that `write_partitions` wrote.
        partitions: Numbers of the partitions.
        seed: Seed of the shuffling.

    Returns:
        Their rows in a random order.

    Raises:
        OSError: A file cannot be read.
    """
    rows = []
    for number in partitions:
        for line in _path(folder, number).read_bytes().decode().split("\n")[:-1]:
            rows.append(tuple(line.split(TAB)))
    order = np.random.default_rng(seed).permutation(len(rows))
    return [rows[place] for place in order]


def _append(folder: Path, number: int, data: bytes | bytearray) -> None:
    """Appends to a partition, opened each time: systems limit the number of open files."""
    with _path(folder, number).open("ab") as file:
        file.write(data)


def _path(folder: Path, number: int) -> Path:
    return folder / f"partition-{number:03}"

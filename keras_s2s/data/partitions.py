"""Random partitions of a corpus on disk, so that a corpus of any size can be shuffled."""

import random
from collections.abc import Iterable
from pathlib import Path

import numpy as np

PARTITIONS = 256
_BUFFER = 1 << 16  # bytes of a partition in memory


def write_partitions(pairs: Iterable[tuple[str, str]], folder: Path, seed: int) -> list[int]:
    """Writes each pair to a random partition; no pair stays in memory.

    Args:
        pairs: Sources and targets without TABs and line feeds, as a `Corpus` yields them.
        folder: An empty folder, which gets a file for each partition.
        seed: Seed of the random choice.

    Returns:
        The number of pairs in every partition.

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
    for source, target in pairs:
        number = random_source.randrange(PARTITIONS)
        counts[number] += 1
        buffers[number] += f"{source}\t{target}\n".encode()
        if len(buffers[number]) >= _BUFFER:
            _append(folder, number, buffers[number])
            buffers[number].clear()
    for number, buffer in enumerate(buffers):
        _append(folder, number, buffer)
    return counts


def shuffled(folder: Path, partitions: Iterable[int], seed: int) -> list[tuple[str, str]]:
    """Reads some partitions and shuffles their pairs.

    Args:
        folder: The folder that `write_partitions` wrote.
        partitions: Numbers of the partitions.
        seed: Seed of the shuffling.

    Returns:
        Their pairs in a random order.

    Raises:
        OSError: A file cannot be read.
    """
    pairs = []
    for number in partitions:
        for line in _path(folder, number).read_bytes().decode().split("\n")[:-1]:
            source, _, target = line.partition("\t")
            pairs.append((source, target))
    order = np.random.default_rng(seed).permutation(len(pairs))
    return [pairs[place] for place in order]


def _append(folder: Path, number: int, data: bytes | bytearray) -> None:
    """Appends to a partition, opened each time: systems limit the number of open files."""
    with _path(folder, number).open("ab") as file:
        file.write(data)


def _path(folder: Path, number: int) -> Path:
    return folder / f"partition-{number:03}"

"""Pairs spread at random over files, so that a corpus of any size can be shuffled."""

import random
from collections.abc import Iterable
from pathlib import Path

import numpy as np

PILES = 256
_BUFFER = 1 << 16  # bytes of a pile in memory


def spread(pairs: Iterable[tuple[str, str]], folder: Path, seed: int) -> list[int]:
    """Puts each pair on a pile that is drawn for it; no pair stays in memory.

    Args:
        pairs: Sources and targets, without TABs and line feeds, as a `Corpus` gives them.
        folder: An empty folder, which gets a file for each pile.
        seed: Number that decides the draw.

    Returns:
        The number of pairs on every pile.

    Raises:
        OSError: The folder cannot be written.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> counts = spread([("a", "b"), ("c", "d")], folder, seed=1)
        >>> sum(counts), sorted(shuffled(folder, range(PILES), seed=1))
        (2, [('a', 'b'), ('c', 'd')])
    """
    draw = random.Random(seed)
    counts, buffers = [0] * PILES, [bytearray() for _ in range(PILES)]
    for source, target in pairs:
        number = draw.randrange(PILES)
        counts[number] += 1
        buffers[number] += f"{source}\t{target}\n".encode()
        if len(buffers[number]) >= _BUFFER:
            _write_out(folder, number, buffers[number])
    for number, buffer in enumerate(buffers):
        _write_out(folder, number, buffer)
    return counts


def shuffled(folder: Path, piles: Iterable[int], seed: int) -> list[tuple[str, str]]:
    """Reads some piles.

    Args:
        folder: Where `spread` wrote them.
        piles: Their numbers.
        seed: Number that decides the order.

    Returns:
        Their pairs in a random order.

    Raises:
        OSError: A file cannot be read.
    """
    pairs = []
    for number in piles:
        for line in _pile(folder, number).read_bytes().decode().split("\n")[:-1]:
            source, _, target = line.partition("\t")
            pairs.append((source, target))
    order = np.random.default_rng(seed).permutation(len(pairs))
    return [pairs[place] for place in order]


def _write_out(folder: Path, number: int, buffer: bytearray) -> None:
    """Adds what is in the buffer to its pile; opened each time, as systems allow few open files."""
    with _pile(folder, number).open("ab") as file:
        file.write(buffer)
    buffer.clear()


def _pile(folder: Path, number: int) -> Path:
    return folder / f"pile-{number:03}"

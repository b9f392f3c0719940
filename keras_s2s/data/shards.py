"""One shard of a prepared corpus: texts and ids in a file whose loading never runs code."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from keras_s2s.data.rows import TokenRows

SIDES = ("source", "target")
WEIGHTS = "weights"
_INTEGERS = ("<u2", "<i4")


@dataclass(frozen=True)
class Shard:
    """The file of a shard, an uncompressed `.npz`, and its checksum.

    Writing it is reproducible byte for byte, and the lengths of all rows can be read without the
    rest. A TFRecord file would have to be read as a whole for that, and would need TensorFlow in
    every process that prepares.

    Args:
        path: The file.
        sha256: Its SHA-256 in hexadecimal digits.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "shard.npz"
        >>> rows = TokenRows("ids", [[5, 6], [7]])
        >>> write_shard(path, {"source": ["A dog.", "No."], "target": ["x", "y"]},
        ...             {"source": rows, "target": rows}, vocabulary_size=8)
        >>> shard = Shard(path, hashlib.sha256(path.read_bytes()).hexdigest())
        >>> shard.lengths()["source"].tolist()
        [3, 2]
        >>> shard.read().texts("source")
        ['A dog.', 'No.']
    """

    path: Path
    sha256: str

    def lengths(self) -> dict[str, np.ndarray]:
        """Returns the tokens of every row, end tokens included, int64 [rows], for each side.

        Raises:
            ValueError: The file is missing or damaged.
        """
        try:
            with zipfile.ZipFile(self.path) as archive:
                found = [_array(archive, f"{side}_lengths").astype(np.int64) for side in SIDES]
        except _DAMAGES as error:
            raise ValueError(_damaged(self.path, str(error))) from error
        if len(found[0]) != len(found[1]):
            raise ValueError(_damaged(self.path, "sides of different numbers of rows"))
        return dict(zip(SIDES, found, strict=True))

    def read(self) -> ShardContent:
        """Returns the content of the file, after verifying its SHA-256.

        Raises:
            ValueError: The file is missing or damaged.
        """
        try:
            data = self.path.read_bytes()
            if hashlib.sha256(data).hexdigest() != self.sha256:
                raise ValueError("its SHA-256 differs")
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                parts = ("ids", "lengths", "text")
                names = [f"{side}_{part}" for side in SIDES for part in parts]
                names += [WEIGHTS] if f"{WEIGHTS}.npy" in archive.namelist() else []
                return ShardContent(self.path, {name: _array(archive, name) for name in names})
        except _DAMAGES as error:
            raise ValueError(_damaged(self.path, str(error))) from error


@dataclass(frozen=True)
class ShardContent:
    """The content of a shard.

    Args:
        path: Its file, for error messages.
        arrays: The arrays of the file.
    """

    path: Path
    arrays: dict[str, np.ndarray]

    def rows(self, side: str, step: int) -> TokenRows:
        """Returns the ids of "source" or "target", for batches padded to a multiple of `step`."""
        ids, lengths = self.arrays[f"{side}_ids"], self.arrays[f"{side}_lengths"]
        return TokenRows.from_arrays(f"the {side} ids in {self.path}", ids, lengths, step)

    def weights(self) -> np.ndarray:
        """Returns the weights of the pairs, float32 [rows]."""
        found = self.arrays.get(WEIGHTS)
        rows = len(self.arrays["target_lengths"])
        if found is None or len(found) != rows or not (np.isfinite(found) & (found >= 0)).all():
            raise ValueError(_damaged(self.path, "no weights of its pairs"))
        return found

    def texts(self, side: str) -> list[str]:
        """Returns the texts of "source" or "target"."""
        try:
            texts = self.arrays[f"{side}_text"].tobytes().decode().split("\n")[:-1]
        except UnicodeDecodeError as error:
            raise ValueError(_damaged(self.path, str(error))) from error
        if len(texts) != len(self.arrays[f"{side}_lengths"]):
            raise ValueError(_damaged(self.path, f"{len(texts)} texts of the {side}"))
        return texts


def write_shard(
    path: Path,
    texts: Mapping[str, Sequence[str]],
    rows: Mapping[str, TokenRows],
    vocabulary_size: int,
    weights: Sequence[float] | None = None,
) -> None:
    """Writes a shard under a temporary name and renames it when it is complete.

    Args:
        path: The file.
        texts: Texts without line feeds, for "source" and "target".
        rows: Their ids, likewise.
        vocabulary_size: All ids are below it.
        weights: Weights of the pairs; None where they have none.

    Raises:
        OSError: The file cannot be written.
    """
    small, large = _INTEGERS
    kind = small if vocabulary_size <= np.iinfo(small).max + 1 else large
    arrays = {}
    for side in SIDES:
        text = "".join(f"{line}\n" for line in texts[side]).encode()
        arrays[f"{side}_lengths"] = rows[side].lengths.astype(large)
        arrays[f"{side}_ids"] = rows[side].ids.astype(kind)
        arrays[f"{side}_text"] = np.frombuffer(text, np.uint8)
    if weights is not None:
        arrays[WEIGHTS] = np.array(weights, "<f4")
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        np.savez(file, **arrays)
        file.flush()
        os.fsync(file.fileno())  # A shard of this name is complete, even after a power cut.
    part.replace(path)


# What NumPy and zipfile raise for a file of another kind or with wrong sizes in its headers.
_DAMAGES = (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile)


_KINDS = {"text": ("|u1",), WEIGHTS: ("<f4",)}


def _array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """Reads one array; takes no more memory than the file has bytes, whatever a header says."""
    member = archive.getinfo(f"{name}.npy")
    if member.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{name} is compressed")
    data = archive.read(member)
    stream = io.BytesIO(data)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError(f"{name} is of another version")
    shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype.str not in _KINDS.get(name.rpartition("_")[2], _INTEGERS):
        raise ValueError(f"{name} is of type {dtype.str}")
    array = np.frombuffer(data, dtype, offset=stream.tell())
    if shape != array.shape:
        raise ValueError(f"{name} has {len(array)} elements and says {shape}")
    return array


def _damaged(path: Path, reason: str) -> str:
    return (
        f"A shard must be as `keras-s2s prepare` wrote it. Received: {path}, damaged ({reason}). "
        "Copy the folder again, or prepare the corpus again."
    )

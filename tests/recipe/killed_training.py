"""A small training by the command line, stopped in the middle as often as one likes."""

import os
import random
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import h5py
import numpy as np

OPTIONS = (
    "--vocabulary-size 60 --units 16 --embedding-dimension 8 --batch-tokens 200 --epochs 4 "
    "--dropout 0.2 --word-dropout 0.1 --seed 5"
).split()

# The update is not compiled, see tests/conftest.py; tests/training/test_resume.py compiles it.
PROGRAM = """
from keras_s2s.training.optimizers import CompiledAdam
CompiledAdam.jit_compile = False
from keras_s2s.cli.main import main
main()
"""


def write_corpora(folder: Path) -> None:
    """Sentences, and the same backwards."""
    draw = random.Random(1)
    words = "red blue dog cat runs sees the a big tree house".split()
    for name, count in (("train", 400), ("valid", 40)):
        rows = [draw.choices(words, k=draw.randint(2, 9)) for _ in range(count)]
        lines = [" ".join(row) + "\t" + " ".join(reversed(row)) + "\n" for row in rows]
        (folder / f"{name}.tsv").write_text("".join(lines), encoding="utf-8")


def command(folder: Path, output: str, *more: str) -> list[str]:
    """What a person would type."""
    files = ["--tsv", str(folder / "train.tsv"), "--valid-tsv", str(folder / "valid.tsv")]
    goal = ["--output", str(folder / output)]
    return [sys.executable, "-c", PROGRAM, "train", *files, *OPTIONS, *goal, *more]


def train(folder: Path, output: str, *more: str) -> subprocess.CompletedProcess:
    """Train to the end."""
    return subprocess.run(
        command(folder, output, *more), capture_output=True, text=True, check=False, timeout=900
    )


def stopped(
    folder: Path, output: str, is_time: Callable[[], bool], sign: int, *more: str
) -> tuple[int, str]:
    """Start a training and send it a signal when it is time; its status and what it said."""
    with (folder / "said").open("w+") as said:
        process = subprocess.Popen(command(folder, output, *more), stderr=said)
        while process.poll() is None and not is_time():
            time.sleep(0.001)
        if process.poll() is None:
            os.kill(process.pid, sign)
        status = process.wait()
        said.seek(0)
        return status, said.read()


def newest_step(folder: Path, output: str) -> int:
    """The number of the newest checkpoint, 0 where there is none."""
    found = folder.glob(f"{output}.checkpoints/[0-9]*")
    return max((int(path.name) for path in found), default=0)


def is_writing(folder: Path, output: str) -> bool:
    """Whether a checkpoint is being written just now."""
    return any(folder.glob(f"{output}.checkpoints/.[0-9]*"))


def weights(folder: Path) -> dict[str, np.ndarray]:
    """All weights of a translator."""
    with zipfile.ZipFile(folder / "model.keras") as archive:
        file = h5py.File(BytesIO(archive.read("model.weights.h5")))
    found: dict[str, np.ndarray] = {}

    def keep(name: str, one: h5py.Dataset | h5py.Group) -> None:
        if isinstance(one, h5py.Dataset):
            found[name] = one[()]

    file.visititems(keep)
    return found


def are_same(one: Path, other: Path) -> bool:
    """Whether two trainings ended with the same weights, bit for bit, and the same history."""
    first, second = weights(one), weights(other)
    return (
        first.keys() == second.keys()
        and all(np.array_equal(first[name], second[name]) for name in first)
        and (one / "history.json").read_bytes() == (other / "history.json").read_bytes()
    )

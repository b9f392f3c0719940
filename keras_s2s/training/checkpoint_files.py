"""The files of a checkpoint: what they contain, and how it is restored into variables."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ARRAYS, STATE = "arrays.npz", "state.json"

# What NumPy, zipfile and json raise for files with matching checksums and invalid contents.
INVALID_CONTENTS = (
    ValueError, KeyError, TypeError, AttributeError, OSError, EOFError, MemoryError, RecursionError,
    zipfile.BadZipFile,
)  # fmt: skip
# Callbacks that had another name when a checkpoint was written.
_OLD_NAMES = {"_History": "TrainingHistory"}


class Position(NamedTuple):
    """How far a training is.

    Attributes:
        epoch: Number of completed epochs.
        step: Number of completed steps of the next epoch.
        total: Number of completed steps in all.
    """

    epoch: int
    step: int
    total: int


class Checkpoint(NamedTuple):
    """The contents of a checkpoint.

    Attributes:
        position: The position in the training.
        steps_per_epoch: Steps of a whole epoch, if known.
        states: Plain values of the callbacks, by their names.
        groups: Arrays by their group: "model", "optimizer", "sums", and "CALLBACK.KEY".
    """

    position: Position
    steps_per_epoch: int | None
    states: dict[str, dict[str, Any]]
    groups: dict[str, list[np.ndarray]]

    def write(self, folder: Path) -> None:
        """Write the files into a folder."""
        arrays = {
            f"{name}.{index}": storable(np.asarray(value))
            for name, values in self.groups.items()
            for index, value in enumerate(values)
        }
        np.savez(folder / ARRAYS, **arrays)  # pyright: ignore[reportArgumentType]
        epoch, step, total = self.position
        state = {
            **{"epoch": epoch, "step": step, "steps": total},
            "steps_per_epoch": self.steps_per_epoch,
            "states": self.states,
            "sizes": {name: len(values) for name, values in self.groups.items()},
        }
        (folder / STATE).write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint; raise one of INVALID_CONTENTS where it has none."""
    state = json.loads((path / STATE).read_bytes())
    position = Position(*(state[name] for name in ("epoch", "step", "steps")))
    if not all(type(number) is int and number >= 0 for number in position):
        raise ValueError(f"no place in a training: {[*position]}")
    if not all(isinstance(one, dict) for one in (*state["states"].values(), state["sizes"])):
        raise ValueError("no states")
    with np.load(path / ARRAYS, allow_pickle=False) as arrays:
        if sum(state["sizes"].values()) != len(arrays.files):
            raise ValueError(f"{len(arrays.files)} arrays")
        groups = {
            name: [arrays[f"{name}.{index}"] for index in range(size)]
            for name, size in state["sizes"].items()
        }
    if not {"model", "optimizer", "sums"} <= set(groups):
        raise ValueError(f"no arrays of {sorted(groups)}")
    states: dict[str, Any] = state["states"]
    states = {_OLD_NAMES.get(name, name): one for name, one in states.items()}
    return Checkpoint(position, state["steps_per_epoch"], states, groups)


def storable(value: np.ndarray) -> np.ndarray:
    """Values of types that NumPy does not know, such as bfloat16, as integers of their size."""
    return value.view(f"u{value.dtype.itemsize}") if value.dtype.kind == "V" else value


def assign(path: Path, variables: Iterable[Any], values: list[np.ndarray]) -> None:
    """Assign arrays to variables, or raise ValueError if they belong to other ones."""
    variables = list(variables)
    dtypes = [np.asarray(variable).dtype for variable in variables]
    known = [storable(np.asarray(variable)) for variable in variables]
    if [(v.shape, v.dtype) for v in known] != [(v.shape, v.dtype) for v in values]:
        raise ValueError(
            "A training goes on with the model and the optimizer that it began with. Received: "
            f"{path}, of {len(values)} arrays and {sum(v.size for v in values):,} numbers for "
            f"{len(known)} variables and {sum(v.size for v in known):,}. Give the options of its "
            "beginning, or delete its folder."
        )
    for variable, value, dtype in zip(variables, values, dtypes, strict=True):
        variable.assign(value.view(dtype))

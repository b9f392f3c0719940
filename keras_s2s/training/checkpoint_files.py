"""What the files of a checkpoint hold, and how it comes into variables."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

ARRAYS, STATE = "arrays.npz", "state.json"

# What files with right checksums and wrong contents make NumPy, zipfile and json raise.
NONSENSE = (
    ValueError, KeyError, TypeError, AttributeError, OSError, EOFError, MemoryError, RecursionError,
    zipfile.BadZipFile,
)  # fmt: skip


def read_checkpoint(path: Path) -> tuple[dict[str, Any], dict[str, list[np.ndarray]]]:
    """The state of a checkpoint and its arrays, in groups."""
    state = json.loads((path / STATE).read_bytes())
    numbers = [state[name] for name in ("epoch", "step", "steps")]
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError(f"no place in a training: {numbers}")
    if not all(isinstance(one, dict) for one in (*state["states"].values(), state["sizes"])):
        raise ValueError("no states")
    with np.load(path / ARRAYS, allow_pickle=False) as arrays:
        if sum(state["sizes"].values()) != len(arrays.files):
            raise ValueError(f"{len(arrays.files)} arrays")
        groups = {
            name: [arrays[f"{name}.{place}"] for place in range(size)]
            for name, size in state["sizes"].items()
        }
    if not {"model", "optimizer", "sums"} <= set(groups):
        raise ValueError(f"no arrays of {sorted(groups)}")
    return state, groups


def storable(value: np.ndarray) -> np.ndarray:
    """Types that NumPy does not know, such as bfloat16, as whole numbers of their size."""
    return value.view(f"u{value.dtype.itemsize}") if value.dtype.kind == "V" else value


def assign(path: Path, variables: Iterable[Any], values: list[np.ndarray]) -> None:
    """Put arrays into variables, or raise ValueError where they are those of others."""
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

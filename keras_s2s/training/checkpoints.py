"""Checkpoints from which a training goes on as if nothing had happened."""

from __future__ import annotations

import json
import re
import shutil
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import keras
import numpy as np

from keras_s2s.folders import FolderKind, are_names_inside

ARRAYS, STATE = "arrays.npz", "state.json"
KIND = FolderKind("a checkpoint", "checkpoint.json", "keras-s2s checkpoint", "the training")


class Stateful(Protocol):
    """A callback with a memory: numbers, texts, lists of them, and lists of arrays."""

    def get_state(self) -> dict[str, Any]:
        """What it remembers."""
        ...

    def set_state(self, state: dict[str, Any]) -> None:
        """Remember that in the next `fit`."""
        ...


class Place(NamedTuple):
    """Where a training is: whole epochs, and steps of the next one."""

    epoch: int
    step: int


class Checkpoints(keras.callbacks.Callback):
    """Writes all that a training is made of, now and then, and finds it again.

    A checkpoint holds the weights, the seeds of dropout and sampling, the optimizer's state, the
    sums behind the loss that is shown (but with a `tf.distribute` strategy, where a resumed epoch
    shows the loss of its rest), the place in the data, and what other callbacks remember. It is a
    folder named by its number of steps, written aside and renamed, with a checksum of each
    file; the last few are kept. Give it to `resumable_fit`, behind the callbacks that change
    weights.

    Args:
        folder: Where the checkpoints are; of this training alone.
        minutes: Minutes between two; `None` for never by the clock.
        steps: Steps between two; `None` for never by their number.
        keep: Number of checkpoints that are kept, the newest.
        is_writer: Whether to write: of several workers one does, and all read.
        write_more: Writes more files into the folder of a checkpoint.

    Attributes:
        first_step: Step that the next epoch begins with, other than 0 where one is resumed.

    Raises:
        ValueError: A number is out of range.
        OSError: In `fit`, a checkpoint cannot be written; the one before it is whole.

    Example:
        >>> import tempfile
        >>> checkpoints = Checkpoints(tempfile.mkdtemp(), minutes=10)
        >>> checkpoints.newest() is None
        True
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        minutes: float | None = 10.0,
        steps: int | None = None,
        keep: int = 3,
        is_writer: bool = True,
        write_more: Callable[[Path], None] | None = None,
    ) -> None:
        super().__init__()
        for name, value in (("minutes", minutes), ("steps", steps), ("keep", keep)):
            if value is not None and not value > 0:
                raise ValueError(f"`{name}` must be positive. Received: {name}={value}")
        self.folder = Path(folder).resolve()
        self.minutes = minutes
        self.steps = steps
        self.keep = keep
        self.is_writer = is_writer
        self.write_more = write_more
        self.stateful: dict[str, Stateful] = {}
        self.first_step = 0
        self._epoch = self._step = self._made = 0
        self._sums: list[np.ndarray] = []
        self._damaged: list[Path] = []
        self._last = time.monotonic()

    def on_train_begin(self, logs: Any = None) -> None:
        """Clear away what a killed write has left and what is damaged; start the clock."""
        if self.is_writer:
            for path in [*self.folder.glob(".[0-9]*"), *self._damaged]:
                shutil.rmtree(path, ignore_errors=True)
        self._last = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Note the place; a resumed epoch gets the sums behind its loss."""
        self._epoch, self._step = epoch, self.first_step
        for variable, value in zip(self.model.metrics_variables, self._sums, strict=False):
            variable.assign(value)
        self._sums = []
        if self._is_due():
            self.save()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Write a checkpoint if it is time; after an epoch's last step it is validated first."""
        self._step, self._made = self._step + 1, self._made + 1
        if batch + 1 < (self.params.get("steps") or 0) and self._is_due():
            self.save()

    def _is_due(self) -> bool:
        by_clock = self.minutes and time.monotonic() - self._last >= 60 * self.minutes
        return bool(by_clock) or bool(self.steps and self._made >= self.steps)

    def save(self) -> None:
        """Write a checkpoint of now, and delete the oldest ones beyond `keep`."""
        self._last, self._made = time.monotonic(), 0
        if not self.is_writer:
            return
        arrays, state = self._collect()
        with KIND.replaced(
            self.folder / f"{int(np.asarray(self.model.optimizer.iterations)):09d}"
        ) as new:
            np.savez(new / ARRAYS, **arrays)  # pyright: ignore[reportArgumentType]
            (new / STATE).write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")
            if self.write_more is not None:
                self.write_more(new)
            KIND.describe(new, {"epoch": self._epoch, "step": self._step})
        for old in self._all()[self.keep :]:
            shutil.rmtree(old)

    def _collect(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        is_alone = getattr(self.model, "_distribute_strategy", None) is None
        groups = {
            "model": self.model.variables,
            "optimizer": self.model.optimizer.variables,
            "sums": self.model.metrics_variables if is_alone else [],
        }
        plain: dict[str, Any] = {}
        for name, one in self.stateful.items():
            found = one.get_state()
            lists = {key for key, value in found.items() if _are_arrays(value)}
            groups |= {f"{name}.{key}": found[key] for key in lists}
            plain[name] = {key: value for key, value in found.items() if key not in lists}
        arrays = {
            f"{name}.{place}": _storable(np.asarray(value))
            for name, values in groups.items()
            for place, value in enumerate(values)
        }
        return arrays, {"states": plain, "sizes": {k: len(v) for k, v in groups.items()}}

    def newest(self) -> Path | None:
        """The newest checkpoint that is whole; there is a warning for each damaged one."""
        for path in self._all():
            if path in self._damaged:
                continue
            try:
                description = KIND.read(path)
                if not are_names_inside(description.get("sha256")):
                    raise ValueError(f"{path / KIND.description} is damaged.")
                KIND.check_files(path, description["sha256"], "")
            except ValueError as error:
                warnings.warn(f"{error} The training goes on from before it.", stacklevel=2)
                self._damaged.append(path)
            else:
                return path
        return None

    def _all(self) -> list[Path]:
        """The checkpoints, the newest first."""
        if not self.folder.is_dir():
            return []
        found = [path for path in self.folder.iterdir() if re.fullmatch(r"\d+", path.name)]
        return sorted(found, key=lambda path: int(path.name), reverse=True)

    def restore(self, model: keras.Model) -> Place:
        """Put the newest checkpoint into a compiled model and into the callbacks with a memory.

        Returns:
            Where the training goes on; the beginning, where there is no checkpoint.

        Raises:
            ValueError: It is of another model, optimizer or training.
        """
        path = self.newest()
        if path is None:
            return Place(0, 0)
        place = KIND.read(path)
        state = json.loads((path / STATE).read_bytes())
        with model.distribute_strategy.scope():  # pyright: ignore[reportAttributeAccessIssue]
            model.optimizer.build(model.trainable_variables)
        with np.load(path / ARRAYS, allow_pickle=False) as arrays:
            groups = {
                name: [arrays[f"{name}.{place}"] for place in range(size)]
                for name, size in state["sizes"].items()
            }
        _assign(path, model.variables, groups["model"])
        _assign(path, model.optimizer.variables, groups["optimizer"])
        self._sums = groups["sums"]
        for name, one in self.stateful.items():
            own = {
                key.removeprefix(f"{name}."): value
                for key, value in groups.items()
                if key.startswith(f"{name}.")
            }
            one.set_state({**state["states"][name], **own})
        return Place(place["epoch"], place["step"])

    def remove(self) -> None:
        """Delete all checkpoints: the training is over."""
        if self.is_writer:
            shutil.rmtree(self.folder, ignore_errors=True)


def _are_arrays(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], np.ndarray)


def _storable(value: np.ndarray) -> np.ndarray:
    """Types that NumPy does not know, such as bfloat16, as whole numbers of their size."""
    return value.view(f"u{value.dtype.itemsize}") if value.dtype.kind == "V" else value


def _assign(path: Path, variables: Iterable[Any], values: list[np.ndarray]) -> None:
    variables = list(variables)
    dtypes = [np.asarray(variable).dtype for variable in variables]
    known = [_storable(np.asarray(variable)) for variable in variables]
    if [(v.shape, v.dtype) for v in known] != [(v.shape, v.dtype) for v in values]:
        raise ValueError(
            "A training goes on with the model and the optimizer that it began with. Received: "
            f"{path}, whose {len(values)} arrays are not those of {len(known)} variables. Give the "
            "options of its beginning, or delete its folder."
        )
    for variable, value, dtype in zip(variables, values, dtypes, strict=True):
        variable.assign(value.view(dtype))

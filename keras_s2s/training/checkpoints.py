"""Checkpoints from which a training goes on as if nothing had happened."""

from __future__ import annotations

import json
import re
import shutil
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import keras
import numpy as np

from keras_s2s.files.artifact_folder import FolderKind, OtherVersionError, are_names_inside
from keras_s2s.training.checkpoint_files import (
    ARRAYS,
    NONSENSE,
    STATE,
    assign,
    read_checkpoint,
    storable,
)

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
        write_companions: Writes more files into the folder of a checkpoint.

    Attributes:
        first_step: Step that the next epoch begins with, other than 0 where one is resumed.
        steps_per_epoch: Of whole epochs; a checkpoint of a training with others is refused.

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
        write_companions: Callable[[Path], None] | None = None,
    ) -> None:
        super().__init__()
        for name, value in (("minutes", minutes), ("steps", steps), ("keep", keep)):
            if value is not None and not value > 0:
                raise ValueError(f"`{name}` must be positive. Received: {name}={value}")
        self.folder = Path(folder).absolute()
        self.minutes = minutes
        self.steps = steps
        self.keep = keep
        self.is_writer = is_writer
        self.write_companions = write_companions
        self.stateful: dict[str, Stateful] = {}
        self.first_step = 0
        self.steps_per_epoch: int | None = None
        self._epoch = self._step = self._made = self._total = 0
        self._sums: list[np.ndarray] = []
        self._damaged: list[Path] = []
        self._last = time.monotonic()

    def on_train_begin(self, logs: Any = None) -> None:
        """Clear away what a killed write has left and what is damaged; start the clock."""
        if self.is_writer:
            for path in [*self._left_over(), *self._damaged]:
                shutil.rmtree(path, ignore_errors=True)
            self._damaged = []
        self._last = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Note the place; a resumed epoch gets the sums behind its loss."""
        self._epoch, self._step = epoch, self.first_step
        known = self.model.metrics_variables
        for variable, value in zip(known, self._sums, strict=False):
            variable.assign(value)
        self._sums = self._sums[len(known) :]
        if self._is_due():
            self.save()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Write a checkpoint if it is time; after an epoch's last step it is validated first."""
        self._step, self._made, self._total = self._step + 1, self._made + 1, self._total + 1
        if self._sums:  # Of metrics that the first step has made.
            new = self.model.metrics_variables[-len(self._sums) :]
            for variable, value in zip(new, self._sums, strict=True):
                variable.assign(np.asarray(variable) + value)
            self._sums = []
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
        with KIND.replaced(self.folder / f"{self._total:09d}") as new:
            np.savez(new / ARRAYS, **arrays)  # pyright: ignore[reportArgumentType]
            (new / STATE).write_text(json.dumps(state, indent=1) + "\n", encoding="utf-8")
            if self.write_companions is not None:
                self.write_companions(new)
            KIND.describe(new, {})
        for old in self._all()[self.keep :]:
            shutil.rmtree(old)

    def finish(self, epochs: int) -> None:
        """Write a checkpoint that says that all epochs are over."""
        self._epoch, self._step = epochs, 0
        self.save()

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
            f"{name}.{place}": storable(np.asarray(value))
            for name, values in groups.items()
            for place, value in enumerate(values)
        }
        place = {"epoch": self._epoch, "step": self._step, "steps": self._total}
        sizes = {name: len(values) for name, values in groups.items()}
        whole = {"steps_per_epoch": self.steps_per_epoch}
        return arrays, {**place, **whole, "states": plain, "sizes": sizes}

    def check(self) -> None:
        """Raise unless checkpoints can be written.

        Raises:
            ValueError: The folder is a file.
            OSError: It cannot be written.
        """
        if self.is_writer:
            KIND.check_goal(self.folder / f"{0:09d}.try")

    def newest(self) -> Path | None:
        """The newest checkpoint that is whole; there is a warning for each damaged one.

        Returns:
            `None` where there is no checkpoint.

        Raises:
            ValueError: There are some, of another format version, or none that is whole.
        """
        for path in self._all():
            if path in self._damaged:
                continue
            try:
                description = KIND.read(path)
                digests: Any = description.get("sha256")
                if not are_names_inside(digests) or not {ARRAYS, STATE} <= set(digests):
                    raise ValueError(f"{path / KIND.description} is damaged.")
                KIND.check_files(path, digests, "")
            except OtherVersionError:
                raise
            except (ValueError, OSError) as error:
                self._step_over(path, str(error))
            else:
                return path
        if self._damaged:
            raise ValueError(
                f"No checkpoint in {self.folder} is whole. Delete that folder to begin again."
            )
        return None

    def _step_over(self, path: Path, why: str) -> None:
        warnings.warn(f"{why} The checkpoint before it is the next to try.", stacklevel=3)
        self._damaged.append(path)

    def _all(self) -> list[Path]:
        """The checkpoints, the newest first."""
        return sorted(
            (path for path in self._own() if re.fullmatch(r"\d{9,}", path.name)),
            key=lambda path: int(path.name),
            reverse=True,
        )

    def _left_over(self) -> list[Path]:
        """What a killed write or removal has left."""
        return [path for path in self._own() if re.match(r"\.\d{9,}[-.]", path.name)]

    def _own(self) -> list[Path]:
        """What is named as ours; somebody else's files may stand beside it, and links."""
        if not self.folder.is_dir():
            return []
        return [path for path in self.folder.iterdir() if path.is_dir() and not path.is_symlink()]

    def restore(self, model: keras.Model) -> Place:
        """Put the newest checkpoint into a compiled model and into the callbacks with a memory.

        Returns:
            Where the training goes on; the beginning, where there is no checkpoint.

        Raises:
            ValueError: It is of another model, optimizer or training.
        """
        while (path := self.newest()) is not None:
            try:
                state, groups = read_checkpoint(path)
                break
            except NONSENSE as error:
                self._step_over(path, f"{path} cannot be read ({type(error).__name__}: {error}).")
        else:
            return Place(0, 0)
        place, found = Place(state["epoch"], state["step"]), state["steps_per_epoch"]
        known = self.steps_per_epoch
        if known is not None and (place.step >= known or found not in (known, None)):
            raise ValueError(
                "A training goes on with the batches that it began with. Received: "
                f"{path}, of epochs of {found} steps, for epochs of {known}. Give the same data "
                "and options, or delete its folder."
            )
        with model.distribute_strategy.scope():  # pyright: ignore[reportAttributeAccessIssue]
            model.optimizer.build(model.trainable_variables)
        assign(path, model.variables, groups["model"])
        assign(path, model.optimizer.variables, groups["optimizer"])
        self._sums = groups["sums"] if place.step else []
        self._total = state["steps"]
        for name, one in self.stateful.items():
            own = {
                key.removeprefix(f"{name}."): value
                for key, value in groups.items()
                if key.startswith(f"{name}.")
            }
            one.set_state({**state["states"][name], **own})
        return place

    def remove(self) -> None:
        """Delete all checkpoints: the training is over. What else is in the folder stays."""
        if not self.is_writer:
            return
        for path in [*self._all(), *self._left_over()]:
            shutil.rmtree(path, ignore_errors=True)
        with suppress(OSError):  # Something else is in it, or it is a link.
            self.folder.rmdir()


def _are_arrays(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], np.ndarray)

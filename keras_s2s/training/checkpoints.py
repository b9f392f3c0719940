"""A folder of checkpoints, from which a training resumes exactly."""

from __future__ import annotations

import copy
import re
import shutil
import warnings
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import keras
import numpy as np

from keras_s2s.files.artifact_folder import FolderKind, OtherVersionError, are_names_inside
from keras_s2s.training.checkpoint_files import (
    ARRAYS,
    INVALID_CONTENTS,
    STATE,
    Checkpoint,
    Position,
    assign,
    read_checkpoint,
)
from keras_s2s.training.replicas import strategy_of

KIND = FolderKind("a checkpoint", "checkpoint.json", "keras-s2s checkpoint", "the training")


class Stateful(Protocol):
    """A callback with a state: numbers, texts, lists of them, and lists of arrays."""

    def get_state(self) -> dict[str, Any]:
        """The state to store in a checkpoint."""
        ...

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore a state, from which the next `fit` continues."""
        ...


class Restored(NamedTuple):
    """Where a restored training continues.

    Attributes:
        position: The position, at the beginning where there is no checkpoint.
        sums: Sums behind the loss and the metrics of a resumed epoch.
    """

    position: Position
    sums: list[np.ndarray]


START = Restored(Position(0, 0, 0), [])


class Checkpoints:
    """A folder of checkpoints of one training, and how often to write them.

    A checkpoint holds the weights, the seeds of dropout and sampling, the optimizer's state, the
    sums behind the displayed loss (except with a `tf.distribute` strategy, where a resumed epoch
    shows the loss of its remaining steps), the position in the data, and the states of callbacks.
    It is a folder named after its number of steps, written under a temporary name and renamed,
    with a checksum of each file. `resumable_fit` writes and restores them.

    Args:
        folder: Where the checkpoints are; of this training alone.
        minutes: Minutes between two checkpoints; `None` for no limit.
        steps: Steps between two checkpoints; `None` for no limit.
        keep: Number of checkpoints to keep; older ones are deleted.
        is_writer: Whether to write: of several workers only the chief does, and all read.
        write_companions: Writes additional files into the folder of each checkpoint.

    Raises:
        ValueError: A number is out of range.

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
        for name, value in (("minutes", minutes), ("steps", steps), ("keep", keep)):
            if value is not None and not value > 0:
                raise ValueError(f"`{name}` must be positive. Received: {name}={value}")
        self.folder = Path(folder).absolute()
        self.minutes = minutes
        self.steps = steps
        self.keep = keep
        self.is_writer = is_writer
        self.write_companions = write_companions
        self._damaged: list[Path] = []  # Those that were reported.

    def with_companions(self, write_companions: Callable[[Path], None]) -> Checkpoints:
        """The same checkpoints, with another `write_companions`."""
        found = copy.copy(self)
        found.write_companions = write_companions
        return found

    def is_due(self, seconds: float, steps: int) -> bool:
        """Whether to write a checkpoint, some seconds and steps after the one before."""
        by_time = self.minutes is not None and seconds >= 60 * self.minutes
        return by_time or (self.steps is not None and steps >= self.steps)

    def save(
        self,
        model: keras.Model,
        position: Position,
        stateful: Mapping[str, Stateful] | None = None,
        steps_per_epoch: int | None = None,
    ) -> None:
        """Write a checkpoint, and delete the oldest ones beyond `keep`.

        Args:
            model: A compiled model.
            position: The position in the training.
            stateful: Callbacks whose states are stored, by name.
            steps_per_epoch: Steps of a whole epoch.

        Raises:
            OSError: It cannot be written; the checkpoints before it are intact.
        """
        if not self.is_writer:
            return
        is_single_device = strategy_of(model) is None
        groups = {
            "model": model.variables,
            "optimizer": model.optimizer.variables,
            "sums": model.metrics_variables if is_single_device else [],
        }
        states: dict[str, Any] = {}
        for name, one in (stateful or {}).items():
            state = one.get_state()
            lists = {key for key, value in state.items() if _are_arrays(value)}
            groups |= {f"{name}.{key}": state[key] for key in lists}
            states[name] = {key: value for key, value in state.items() if key not in lists}
        with KIND.replaced(self.folder / f"{position.total:09d}") as new:
            Checkpoint(position, steps_per_epoch, states, groups).write(new)
            if self.write_companions is not None:
                self.write_companions(new)
            KIND.describe(new, {})
        for old in self._all()[self.keep :]:
            shutil.rmtree(old)

    def restore(
        self,
        model: keras.Model,
        stateful: Mapping[str, Stateful] | None = None,
        steps_per_epoch: int | None = None,
    ) -> Restored:
        """Restore the newest checkpoint into a compiled model and into callbacks.

        The variables of the model's optimizer are created even if there is no checkpoint.

        Args:
            model: A compiled model.
            stateful: Callbacks to restore, by the names that they were saved with.
            steps_per_epoch: Steps of a whole epoch; a checkpoint with another number is refused.

        Returns:
            Where the training continues.

        Raises:
            ValueError: It is of another model, optimizer or training.
        """
        # If the first step made the optimizer's variables, TensorFlow would trace it a second time.
        strategy = strategy_of(model)
        with nullcontext() if strategy is None else strategy.scope():
            model.optimizer.build(model.trainable_variables)
        found = self._read_newest()
        if found is None:
            return START
        path, (position, steps, states, groups) = found
        if steps_per_epoch is not None and (
            position.step >= steps_per_epoch or steps not in (steps_per_epoch, None)
        ):
            raise ValueError(
                "A training goes on with the batches that it began with. Received: "
                f"{path}, of epochs of {steps} steps, for epochs of {steps_per_epoch}. Give the "
                "same data and options, or delete its folder."
            )
        assign(path, model.variables, groups["model"])
        assign(path, model.optimizer.variables, groups["optimizer"])
        for name, one in (stateful or {}).items():
            arrays = {
                key.removeprefix(f"{name}."): value
                for key, value in groups.items()
                if key.startswith(f"{name}.")
            }
            one.set_state({**states[name], **arrays})
        return Restored(position, groups["sums"] if position.step else [])

    def check(self) -> None:
        """Raise if checkpoints cannot be written.

        Raises:
            ValueError: The folder is a file.
            OSError: It cannot be written.
        """
        if self.is_writer:
            KIND.check_goal(self.folder / f"{0:09d}.try")

    def newest(self) -> Path | None:
        """The newest undamaged checkpoint; warns of each damaged one.

        Returns:
            `None` if there is no checkpoint.

        Raises:
            ValueError: A checkpoint has another format version, or all are damaged.
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
                self._skip(path, str(error))
            else:
                return path
        if self._damaged:
            raise ValueError(
                f"No checkpoint in {self.folder} is whole. Delete that folder to begin again."
            )
        return None

    def _read_newest(self) -> tuple[Path, Checkpoint] | None:
        """The newest checkpoint that can be read, and its path."""
        while (path := self.newest()) is not None:
            try:
                return path, read_checkpoint(path)
            except INVALID_CONTENTS as error:
                self._skip(path, f"{path} cannot be read ({type(error).__name__}: {error}).")
        return None

    def _skip(self, path: Path, why: str) -> None:
        warnings.warn(f"{why} The checkpoint before it is the next to try.", stacklevel=3)
        self._damaged.append(path)

    def _all(self) -> list[Path]:
        """The checkpoints, newest first."""
        return sorted(
            (path for path in self._own() if re.fullmatch(r"\d{9,}", path.name)),
            key=lambda path: int(path.name),
            reverse=True,
        )

    def _left_over(self) -> list[Path]:
        """What interrupted writes and deletions have left."""
        return [path for path in self._own() if re.match(r"\.\d{9,}[-.]", path.name)]

    def _own(self) -> list[Path]:
        """The folders in the folder, which may hold other files and links too."""
        if not self.folder.is_dir():
            return []
        return [path for path in self.folder.iterdir() if path.is_dir() and not path.is_symlink()]

    def clean_up(self) -> None:
        """Delete damaged checkpoints and what interrupted writes have left."""
        if self.is_writer:
            for path in [*self._left_over(), *self._damaged]:
                shutil.rmtree(path, ignore_errors=True)
            self._damaged.clear()

    def remove(self) -> None:
        """Delete all checkpoints of a finished training; other files in the folder stay."""
        if not self.is_writer:
            return
        for path in [*self._all(), *self._left_over()]:
            shutil.rmtree(path, ignore_errors=True)
        with suppress(OSError):  # There are other files in it, or it is a link.
            self.folder.rmdir()


def _are_arrays(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], np.ndarray)

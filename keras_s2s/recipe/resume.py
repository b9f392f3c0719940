"""Where a training runs, and how it resumes: devices, checkpoints, and its identity."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_s2s.files.file_lock import locked
from keras_s2s.inference.storage import DESCRIPTION, SOURCE, TARGET
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.identity import TRAINING, Identity, differences, write_identity
from keras_s2s.recipe.old_names import renamed
from keras_s2s.text.option_fields import at_least, check_options, documented, option
from keras_s2s.text.tokenizers import Tokenizer, load_tokenizer

if TYPE_CHECKING:
    from keras_s2s.data.pairs import Pairs
    from keras_s2s.inference.translator import Translator
    from keras_s2s.training.checkpoints import Checkpoints


@documented
@dataclass(frozen=True, kw_only=True)
class Run:
    """Where a training runs, and whether it resumes; the results do not depend on it.

    `strategy` is a `tf.distribute` strategy, see `keras_s2s.training.distribution.make_strategy`,
    or `None` for a single device.

    Raises:
        TypeError: An option is of another type.
        ValueError: An option is out of range.

    Example:
        >>> Run(resume=True).checkpoint_minutes
        10.0
    """

    strategy: Any = None
    resume: bool = option(
        False,
        help="Resume from the newest checkpoint, with the same data and options; without a"
        " checkpoint, training starts from the beginning.",
        group="run",
    )
    checkpoint_minutes: float | None = option(
        10.0,
        help="Minutes between checkpoints; 0 disables checkpoints by time. The folder"
        " OUTPUT.checkpoints keeps the last three until training is complete.",
        group="run",
        bounds=(at_least(0),),
        metavar="M",
    )
    checkpoint_steps: int | None = option(
        None,
        help="Number of batches between checkpoints; by default only the time counts.",
        group="run",
        bounds=(at_least(1),),
    )

    tensorboard: Path | None = option(
        None,
        help="Folder for TensorBoard: the history, translations of a few validation pairs and"
        " their attention weights, after each epoch. Needs the package tensorboard.",
        group="run",
        metavar="DIR",
    )

    def __post_init__(self) -> None:
        check_options(self)

    def check_packages(self) -> None:
        """Raise ValueError if a package is missing that only some options need."""
        if self.tensorboard is not None and find_spec("tensorboard") is None:
            raise ValueError(
                "TensorBoard's event files need the package tensorboard. Received: "
                f"tensorboard={str(self.tensorboard)!r} without it. Install it: pip install "
                "tensorboard"
            )

    def tensorboard_callbacks(self, translator: Translator, pairs: Pairs | None) -> list[Any]:
        """What writes the event files: a list of one callback, or of none.

        On several devices only scalars are written.
        """
        if self.tensorboard is None or not self.writes:
            return []
        from keras_s2s.recipe.tensorboard import TensorBoard

        shown = translator if self.strategy is None else None
        return [TensorBoard(self.tensorboard, shown, pairs or ())]

    def scope(self) -> AbstractContextManager:
        """The scope in which the model is built."""
        return nullcontext() if self.strategy is None else self.strategy.scope()

    @property
    def has_workers(self) -> bool:
        """Whether this process is one of several workers."""
        from keras_s2s.training.distribution import is_multi_worker

        return self.strategy is not None and is_multi_worker(self.strategy)

    @property
    def writes(self) -> bool:
        """Whether this process writes files: of several workers, only the chief does."""
        from keras_s2s.training.distribution import is_chief

        return not self.has_workers or is_chief()

    def alone(self, folder: Path) -> AbstractContextManager:
        """Lock the training against other processes; among workers the chief holds the lock."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        return locked(folder.with_name(f".{folder.name}.lock")) if self.writes else nullcontext()

    def check(self, recipe: Recipe, identity: Identity) -> None:
        """Raise ValueError unless all workers have the same options and data."""
        from keras_s2s.training.distribution import all_reduce_mean

        if not self.has_workers:
            return
        if recipe.minutes is not None:
            raise ValueError(
                "`minutes` must be left out with several workers, whose clocks differ. Received: "
                f"minutes={recipe.minutes}. Bound the epochs."
            )
        options = json.dumps([identity["recipe"], identity.get("start")], sort_keys=True)
        digests = {
            "options": hashlib.sha256(options.encode()).hexdigest(),
            "pairs": identity["pairs"],
        }
        own = {name: float(int(digest[:10], 16)) for name, digest in digests.items()}
        found = all_reduce_mean(own, self.strategy)
        others = " and ".join(f"other {name}" for name in own if found[name] != own[name])
        if others:
            raise ValueError(
                "All workers must train on the same pairs with the same options. Received: "
                f"{others} on another one. Give each of them the same files and options."
            )


def make_checkpoints(folder: Path, run: Run) -> Checkpoints:
    """The checkpoints of a training, beside its folder."""
    from keras_s2s.training.checkpoints import Checkpoints

    return Checkpoints(
        folder.with_name(f"{folder.name}.checkpoints"),
        minutes=run.checkpoint_minutes or None,
        steps=run.checkpoint_steps,
        is_writer=run.writes,
    )


def read_record(folder: Path, run: Run) -> dict[str, Any]:
    """What a training that resumes began with: the record of its newest checkpoint at best.

    Returns:
        Its identity and its effort; empty for a training that does not resume or has no record.
    """
    if not run.resume:
        return {}
    checkpoints = make_checkpoints(folder, run)
    newest = checkpoints.newest()
    for place in (checkpoints.folder, folder) if newest is None else (newest,):
        with suppress(OSError, ValueError, RecursionError, TypeError, KeyError, AttributeError):
            found = json.loads((place / TRAINING).read_bytes())
            return {**found, "recipe": renamed(found["recipe"])}
    return {}  # Whoever compares the trainings tells what is wrong with it.


def find_checkpoint(
    checkpoints: Checkpoints, run: Run, identity: Identity, report: Callable[[str], None]
) -> Path | None:
    """The newest checkpoint, from which the training resumes; `None` where there is none.

    Raises:
        ValueError: Resuming was not requested, or the checkpoints are of another training.
        OSError: Checkpoints cannot be written.
    """
    checkpoints.check()
    newest = checkpoints.newest()
    if newest is None:
        return None
    if not run.resume:
        raise ValueError(
            f"A training must not replace another's checkpoints. Received: {checkpoints.folder}. "
            "Go on with resume=True, or delete that folder."
        )
    others = differences(newest, identity)
    if others != "":
        raise ValueError(_other_training(others or "no record of them", checkpoints.folder))
    report(f"resuming from {newest}")
    return newest


def _other_training(others: str, checkpoints: Path) -> str:
    return (
        "A resumed training must have the data and the options that it began with. Received: "
        f"{others} in {checkpoints}. Give the same, or delete that folder."
    )


def is_finished(
    folder: Path, identity: Identity, checkpoints: Path, report: Callable[[str], None]
) -> bool:
    """Whether a training without checkpoints is finished; the finding is reported.

    Raises:
        ValueError: The folder was written by another training, or another one was stopped before
            its first checkpoint.
    """
    others, begun = differences(folder, identity), differences(checkpoints, identity)
    if others != "" and begun is not None:  # It was to replace what is in the folder, if anything.
        if begun:
            raise ValueError(_other_training(begun, checkpoints))
        others = None
    if others:
        raise ValueError(
            f"The training of {folder} is finished, and resuming does not replace it by another. "
            f"Received: {others}. Name another folder, or leave out `resume` to replace it."
        )
    report(
        f"no checkpoint is in {checkpoints}: the training begins"
        if others is None
        else f"the training of {folder} is finished"
    )
    return others == ""


@contextmanager
def recorded_start(checkpoints: Checkpoints, identity: Identity) -> Iterator[None]:
    """Record what a training begins with beside its checkpoints, until it is finished.

    So it resumes as it began even if it is stopped before its first checkpoint. Data or options
    that turn out to be wrong leave no record, unless teachers are trained already.
    """
    record = checkpoints.folder / TRAINING
    if checkpoints.is_writer:
        checkpoints.folder.mkdir(parents=True, exist_ok=True)
        write_identity(checkpoints.folder, identity)
    try:
        yield
    except (TypeError, ValueError):
        teachers = checkpoints.folder.with_suffix(".teachers")
        if not any(teachers.glob(f"*/{DESCRIPTION}")):
            _remove_record(checkpoints, record)
        raise
    _remove_record(checkpoints, record)


def _remove_record(checkpoints: Checkpoints, record: Path) -> None:
    if checkpoints.is_writer:
        record.unlink(missing_ok=True)
        with suppress(OSError):  # There are checkpoints, or other files.
            checkpoints.folder.rmdir()


def kept_tokenizers(newest: Path | None) -> tuple[Tokenizer, Tokenizer] | None:
    """The tokenizers in a checkpoint; `None` without a checkpoint."""
    if newest is None:
        return None
    source = load_tokenizer(newest / SOURCE)
    return source, load_tokenizer(newest / TARGET) if (newest / TARGET).exists() else source


def companions_writer(
    source: Tokenizer, target: Tokenizer, identity: Identity
) -> Callable[[Path], None]:
    """A function that writes the tokenizers and the training's identity into a checkpoint."""

    def write(new: Path) -> None:
        write_identity(new, identity)
        source.save(new / SOURCE)
        if target is not source:
            target.save(new / TARGET)

    return write

"""How a training is run, whatever it trains: on which devices, and how it survives a crash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_s2s.files.file_lock import locked
from keras_s2s.inference.storage import SOURCE, TARGET
from keras_s2s.text.tokenizers import Tokenizer, load_tokenizer

if TYPE_CHECKING:
    from keras_s2s.data.prepared_corpus import PreparedCorpus
    from keras_s2s.recipe.config import Recipe
    from keras_s2s.training.checkpoints import Checkpoints

TRAINING = "training.json"


@dataclass(frozen=True, kw_only=True)
class Run:
    """Where a training runs; it gives the same weights anywhere.

    Attributes:
        strategy: A `tf.distribute` strategy, see `keras_s2s.training.distribution.make_strategy`;
            `None` for one device.
        resume: Go on from the newest checkpoint. Without one the training begins.
        checkpoint_minutes: Minutes between two checkpoints; `None` for never by the clock.
        checkpoint_steps: Steps between two checkpoints; `None` for never by their number.

    Example:
        >>> Run(resume=True).checkpoint_minutes
        10.0
    """

    strategy: Any = None
    resume: bool = False
    checkpoint_minutes: float | None = 10.0
    checkpoint_steps: int | None = None

    def scope(self) -> AbstractContextManager:
        """Where the model is made."""
        return nullcontext() if self.strategy is None else self.strategy.scope()

    @property
    def writes(self) -> bool:
        """Whether this process writes files: alone, or the first of several workers."""
        from keras_s2s.training.distribution import is_chief, is_multi_worker

        return self.strategy is None or not is_multi_worker(self.strategy) or is_chief()

    def alone(self, folder: Path) -> AbstractContextManager:
        """Keep other processes from the same training; the first of several workers holds it."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        return locked(folder.with_name(f".{folder.name}.lock")) if self.writes else nullcontext()

    def check(self, recipe: Recipe, identity: Identity) -> None:
        """Raise ValueError unless all workers train the same, and may do so together."""
        from keras_s2s.training.distribution import all_reduce_mean, is_multi_worker

        if self.strategy is None or not is_multi_worker(self.strategy):
            return
        if recipe.minutes is not None:
            raise ValueError(
                "`minutes` must be None with several workers, whose clocks differ. Received: "
                f"minutes={recipe.minutes}. Bound the epochs."
            )
        options = json.dumps(identity["recipe"], sort_keys=True)
        digests = {
            "options": hashlib.sha256(options.encode()).hexdigest(),
            "pairs": identity["pairs"],
        }
        own = {name: float(int(digest[:10], 16)) for name, digest in digests.items()}
        found = all_reduce_mean(own, self.strategy)
        others = " and ".join(f"other {name}" for name in own if found[name] != own[name])
        if others:
            raise ValueError(
                "all workers must train on the same pairs with the same options. Received: "
                f"{others} on another one. Give each of them the same files and words."
            )


# What determines a training: the options of its recipe, and a digest of its pairs.
Identity = dict[str, Any]


def identity_of(recipe: Recipe, *corpora: Iterable[tuple[str, str]] | PreparedCorpus) -> Identity:
    """What determines a training: "recipe", its options, and "pairs", a digest of its corpora."""
    from keras_s2s.data.prepared_corpus import PREPARED, PreparedCorpus

    digest = hashlib.sha256()
    for pairs in corpora:
        if isinstance(pairs, PreparedCorpus):  # Its description has the digests of all shards.
            digest.update((pairs.folder / PREPARED.description).read_bytes())
            continue
        for pair in pairs:
            digest.update("\t".join((*pair, "\n")).encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    return {"recipe": asdict(recipe), "pairs": digest.hexdigest()}


def write_identity(folder: Path, identity: Identity) -> None:
    """Write into a folder which training it is of."""
    text = json.dumps(identity, indent=1, ensure_ascii=False) + "\n"
    (folder / TRAINING).write_text(text, encoding="utf-8")


def differences(folder: Path, identity: Identity) -> str | None:
    """What another training has that a folder is of, in words; "" for the same training.

    Returns:
        `None` where the folder is of no training.
    """
    try:
        found = json.loads((folder / TRAINING).read_bytes())
        options, pairs = dict(found["recipe"]), found["pairs"]
    except (OSError, ValueError, RecursionError, TypeError, KeyError):
        return None
    own = identity["recipe"]
    changed = [
        f"{name}={own.get(name)!r} instead of {options.get(name)!r}"
        for name in {**own, **options}
        if own.get(name) != options.get(name)
    ]
    return ", ".join([*changed, *(["other pairs"] if pairs != identity["pairs"] else [])])


def open_checkpoints(
    folder: Path, run: Run, identity: Identity, report: Callable[[str], None]
) -> Checkpoints:
    """The checkpoints of a training, beside its folder.

    Raises:
        ValueError: There are some, and they are not asked for or of another training.
    """
    from keras_s2s.training.checkpoints import Checkpoints

    checkpoints = Checkpoints(
        folder.with_name(f"{folder.name}.checkpoints"),
        minutes=run.checkpoint_minutes,
        steps=run.checkpoint_steps,
        is_writer=run.writes,
    )
    checkpoints.check()
    newest = checkpoints.newest()
    if newest is None:
        return checkpoints
    if not run.resume:
        raise ValueError(
            f"A training must not replace another's checkpoints. Received: {checkpoints.folder}. "
            "Go on with --resume, or delete that folder."
        )
    others = differences(newest, identity)
    if others != "":
        raise ValueError(
            "A training goes on with the pairs and the options that it began with. Received: "
            f"{others or 'no word of them'} in {checkpoints.folder}. Give the same, or delete that "
            "folder."
        )
    report(f"going on from {newest}")
    return checkpoints


def is_finished(
    folder: Path, identity: Identity, checkpoints: Path, report: Callable[[str], None]
) -> bool:
    """Whether a training that has no checkpoint is over; what it is instead is reported.

    Raises:
        ValueError: The folder holds what another training made.
    """
    others = differences(folder, identity)
    if others:
        raise ValueError(
            f"The training of {folder} is finished, and another must not take its place by itself. "
            f"Received: {others}. Name another folder, or leave out --resume to replace it."
        )
    report(
        f"no checkpoint is in {checkpoints}: the training begins"
        if others is None
        else f"the training of {folder} is finished"
    )
    return others == ""


def kept_tokenizers(checkpoints: Checkpoints) -> tuple[Tokenizer, Tokenizer] | None:
    """The tokenizers of the newest checkpoint, `None` where there is none."""
    newest = checkpoints.newest()
    if newest is None:
        return None
    source = load_tokenizer(newest / SOURCE)
    return source, load_tokenizer(newest / TARGET) if (newest / TARGET).exists() else source


def keep_tokenizers(
    checkpoints: Checkpoints, source: Tokenizer, target: Tokenizer, identity: Identity
) -> Checkpoints:
    """Checkpoints that also contain the tokenizers and the identity of the training."""

    def write(new: Path) -> None:
        write_identity(new, identity)
        source.save(new / SOURCE)
        if target is not source:
            target.save(new / TARGET)

    return checkpoints.with_companions(write)

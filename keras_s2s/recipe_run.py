"""How a training is run, whatever it trains: on which devices, and how it survives a crash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_s2s.inference.storage import SOURCE, TARGET
from keras_s2s.text.tokenizers import Tokenizer, load_tokenizer

if TYPE_CHECKING:
    from keras_s2s.prepared import PreparedCorpus
    from keras_s2s.recipe import Recipe
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

    def check(self, recipe: Recipe, fingerprint: str) -> None:
        """Raise ValueError unless all workers train the same, and may do so together."""
        from keras_s2s.training.distribution import agreed, is_multi_worker

        if self.strategy is None or not is_multi_worker(self.strategy):
            return
        if recipe.minutes is not None:
            raise ValueError(
                "`minutes` must be None with several workers, whose clocks differ. Received: "
                f"minutes={recipe.minutes}. Bound the epochs."
            )
        own = float(int(fingerprint[:10], 16))
        if agreed({"fingerprint": own}, self.strategy)["fingerprint"] != own:
            raise ValueError(
                "all workers must train on the same pairs with the same options. Received: "
                "others. Give each of them the same files and words."
            )


def fingerprint_of(recipe: Recipe, *corpora: Iterable[tuple[str, str]] | PreparedCorpus) -> str:
    """A digest of what determines a training: its recipe and its pairs."""
    from keras_s2s.prepared import PREPARED, PreparedCorpus

    digest = hashlib.sha256(json.dumps(asdict(recipe), sort_keys=True).encode())
    for pairs in corpora:
        if isinstance(pairs, PreparedCorpus):  # Its description has the digests of all shards.
            digest.update((pairs.folder / PREPARED.description).read_bytes())
            continue
        for pair in pairs:
            digest.update("\t".join((*pair, "\n")).encode("utf-8", "surrogatepass"))
        digest.update(b"\0")
    return digest.hexdigest()


def is_finished(folder: Path, fingerprint: str) -> bool:
    """Whether a folder holds the translator of this very training."""
    try:
        return json.loads((folder / TRAINING).read_bytes()) == {"of": fingerprint}
    except (OSError, ValueError, RecursionError):
        return False


def open_checkpoints(
    folder: Path, run: Run, fingerprint: str, report: Callable[[str], None]
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
    newest = checkpoints.newest()
    if newest is None:
        return checkpoints
    if not run.resume:
        raise ValueError(
            f"A training must not replace another's checkpoints. Received: {checkpoints.folder}. "
            "Go on with --resume, or delete that folder."
        )
    if not is_finished(newest, fingerprint):
        raise ValueError(
            "A training goes on with the pairs and the options that it began with. Received: "
            f"others than those of {checkpoints.folder}. Give the same, or delete that folder."
        )
    report(f"going on from {newest}")
    return checkpoints


def kept_tokenizers(checkpoints: Checkpoints) -> tuple[Tokenizer, Tokenizer] | None:
    """The tokenizers of the newest checkpoint, `None` where there is none."""
    newest = checkpoints.newest()
    if newest is None:
        return None
    source = load_tokenizer(newest / SOURCE)
    return source, load_tokenizer(newest / TARGET) if (newest / TARGET).exists() else source


def keep_tokenizers(
    checkpoints: Checkpoints, source: Tokenizer, target: Tokenizer, fingerprint: str
) -> None:
    """Have each checkpoint hold the tokenizers, and say which training it is of."""

    def write(new: Path) -> None:
        (new / TRAINING).write_text(json.dumps({"of": fingerprint}) + "\n", encoding="utf-8")
        source.save(new / SOURCE)
        if target is not source:
            target.save(new / TARGET)

    checkpoints.write_more = write

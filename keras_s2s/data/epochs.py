"""The `tf.data` pipelines of all kinds of batches: epochs that start at any step."""

from __future__ import annotations

import functools
import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_s2s.data.rows import TokenRows
from keras_s2s.special_ids import PAD_ID, START_ID

if TYPE_CHECKING:
    import tensorflow as tf

# ((source, target_in), target_out), and the weights of the pairs where there are any.
Batch = tuple[Any, ...]

# Enough for training to continue while an epoch is planned and perhaps resampled.
PREFETCHED_BATCHES = 8


class EpochBatches(ABC):
    """Batches of a corpus: the same number in every epoch, every pair exactly once.

    Attributes:
        pairs: Number of pairs in an epoch.
        skipped: Number of pairs longer than `maximum_length`.
        steps_per_epoch: Number of batches in every epoch.
        target_tokens: Target tokens of an epoch, end tokens included, without padding.
        is_weighted: Whether the pairs have weights.
    """

    is_weighted: bool
    pairs: int
    skipped: int
    steps_per_epoch: int
    target_tokens: int
    _maximum_length: int | None

    @abstractmethod
    def _batches(self, starts: Iterable[tuple[int, int]]) -> Iterator[Batch]:
        """Yields the batches of epochs, each given by its number and its first step."""

    @abstractmethod
    def _measure(self) -> tuple[float, int]:
        """Returns the fraction of padding and the number of distinct shapes."""

    @abstractmethod
    def _describe(self) -> str:
        """Returns the numbers of pairs and batches and the measurements, in words."""

    def epoch(self, epoch: int, first_step: int = 0) -> tf.data.Dataset:
        """Returns the batches of one epoch.

        Args:
            epoch: Number of the epoch, from 0.
            first_step: Number of batches to skip at the start.

        Returns:
            A dataset of `((source, target_in), target_out)`, int32 [B, S], [B, T] and [B, T]:
            the source with its end token, the target after its start token, and the target with
            its end token. All are padded on the right to the longest of the batch. Where the
            pairs have weights, these follow as a third part, float32 [B].

        Raises:
            ValueError: The epoch or the step is out of range.
        """
        check_at_least(0, epoch=epoch, first_step=first_step)
        if first_step > self.steps_per_epoch:
            raise ValueError(
                f"first_step must be at most {self.steps_per_epoch}, the batches of an epoch. "
                f"Received: first_step={first_step!r}. Use dataset() to go on in later epochs."
            )
        left = self.steps_per_epoch - first_step
        return self._as_dataset(lambda: self._batches([(epoch, first_step)]), left)

    def dataset(self, first_epoch: int = 0, first_step: int = 0) -> tf.data.Dataset:
        """Returns the batches of all epochs, endlessly, from any step on.

        `fit(batches.dataset(), steps_per_epoch=batches.steps_per_epoch)` trains on them. A dataset
        that starts at a later step equals one from the start with the earlier batches skipped.

        Args:
            first_epoch: Number of the epoch to start in, from 0.
            first_step: Number of batches to skip at the start; may exceed an epoch.

        Returns:
            An endless dataset of the elements that `epoch` describes.

        Raises:
            ValueError: The epoch or the step is negative.
        """
        import tensorflow as tf

        check_at_least(0, first_epoch=first_epoch, first_step=first_step)
        epochs, first_step = divmod(first_step, self.steps_per_epoch)
        first_epoch += epochs

        def batches() -> Iterator[Batch]:
            later = ((epoch, 0) for epoch in itertools.count(first_epoch + 1))
            return self._batches(itertools.chain([(first_epoch, first_step)], later))

        return self._as_dataset(batches, tf.data.INFINITE_CARDINALITY)

    @property
    def padding(self) -> float:
        """Fraction of padding among all tokens of both sides, measured in the first epoch."""
        return self._measures[0]

    def __str__(self) -> str:
        text = self._describe()
        if self._maximum_length is None:
            return text
        return f"{text}; {self.skipped:,} longer than {self._maximum_length:,} tokens skipped"

    @functools.cached_property
    def _measures(self) -> tuple[float, int]:
        return self._measure()

    def _target_spec(self) -> Any:
        """Returns the type of the targets of a batch."""
        import tensorflow as tf

        return tf.TensorSpec([None, None], tf.int32)  # pyright: ignore[reportArgumentType]

    def _as_dataset(
        self, batches: Callable[[], Iterator[Batch]], cardinality: int
    ) -> tf.data.Dataset:
        import tensorflow as tf

        ids = tf.TensorSpec([None, None], tf.int32)  # pyright: ignore[reportArgumentType]
        weights = tf.TensorSpec([None], tf.float32)  # pyright: ignore[reportArgumentType]
        signature = ((ids, ids), self._target_spec(), *([weights] if self.is_weighted else []))
        dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(cardinality))
        return dataset.prefetch(PREFETCHED_BATCHES)


def cut_batches(
    source: TokenRows,
    target: TokenRows,
    plan: Iterable[np.ndarray],
    weights: np.ndarray | None = None,
) -> Iterator[Batch]:
    """Yields the batches of a plan.

    Args:
        source: Rows of the sources.
        target: Rows of the targets.
        plan: For every batch the indices of its pairs, int64 [B].
        weights: Weights of all pairs, float32 [pairs]; None where they have none.

    Yields:
        `((source, target_in), target_out)`, or with the weights [B] as a third part, as
        `EpochBatches.epoch` describes them.
    """
    for pairs in plan:
        target_out = target.padded(pairs)
        batch = (source.padded(pairs), shifted(target_out)), target_out
        yield batch if weights is None else (*batch, weights[pairs])


def shifted(target_out: np.ndarray) -> np.ndarray:
    """Returns targets after their start tokens, [B, T], from targets with their end tokens."""
    target_in = np.roll(target_out, 1, axis=1)
    target_in[:, 0] = START_ID
    # Both have equally many tokens; the shift moved end tokens to where target_out is padded.
    target_in[target_out == PAD_ID] = PAD_ID
    return target_in


def kept_pairs(
    source_lengths: np.ndarray, target_lengths: np.ndarray, maximum_length: int | None
) -> np.ndarray:
    """Returns the indices of the pairs with no side longer than the limit, if there is one."""
    limit = np.inf if maximum_length is None else maximum_length
    return np.flatnonzero(np.maximum(source_lengths, target_lengths) <= limit)


def check_at_least(least: int, **values: float | None) -> None:
    """Raises ValueError unless every value is None or at least `least`."""
    for name, value in values.items():
        if value is not None and not value >= least:
            raise ValueError(f"{name} must be at least {least}. Received: {name}={value!r}.")


def counted(number: int, noun: str, plural: str = "s") -> str:
    """Returns a number with its noun, in the plural where needed."""
    return f"{number:,} {noun}{'' if number == 1 else plural}"

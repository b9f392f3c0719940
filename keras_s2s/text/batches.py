"""Batches of padded token ids for `fit`: bucketed by length, shuffled, resumable at any step."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from keras_s2s.text.buckets import LengthBuckets
from keras_s2s.text.rows import TokenRows
from keras_s2s.text.tokenizers import PAD_ID, START_ID

if TYPE_CHECKING:
    import tensorflow as tf

Rows = Iterable[Iterable[int]]
Resample = Callable[[int], tuple[Rows, Rows]]
Batch = tuple[tuple[np.ndarray, np.ndarray], np.ndarray]

# Enough for training to go on while an epoch is planned and, perhaps, drawn anew.
PREFETCHED_BATCHES = 8


class Batches:
    """Batches of a corpus that is held in memory, as `tf.data` pipelines.

    Pairs of like lengths share a batch, as `LengthBuckets` tells, with other pairs in every epoch.
    Every epoch has the same number of batches and holds every pair exactly once. What comes at a
    step depends on the seed, the epoch and the step alone.

    Args:
        source_ids: Token ids of every source, without start and end marks.
        target_ids: Token ids of every target, without start and end marks.
        batch_tokens: Most target tokens in a batch, padding and end marks included. Only a pair
            that is longer by itself exceeds it.
        batch_sentences: Number of pairs in a batch, instead of `batch_tokens`.
        seed: Seed of the shuffling, not negative.
        shuffle: Whether to shuffle. Without it all epochs are the same, long targets first.
        jitter: How much longer a length may count, as a fraction. More mixes better and pads more.
        maximum_length: Longest side in tokens, end mark included; a pair with a longer side is
            skipped and counted. None for no limit.
        resample: Called at the start of every epoch with its number, from 0; returns other ids for
            all pairs, the skipped ones included, and the same ids whenever the number is the same.
            `source_ids` and `target_ids` then only tell which pairs are skipped and which share a
            batch: a batch of longer rows may exceed `batch_tokens`. None for the same ids always.
        source_step: Sources are padded to a multiple of this many tokens. A larger step pads more
            and gives fewer shapes to compile for.
        target_step: As `source_step`, for targets.

    Attributes:
        pairs: Number of pairs in an epoch.
        skipped: Number of pairs longer than `maximum_length`.
        steps_per_epoch: Number of batches in every epoch.
        target_tokens: Real target tokens of an epoch, end marks included; those of `target_ids`.

    Raises:
        TypeError: The ids are not sequences of integers.
        ValueError: The sides differ in number, no pair is left, an id is a mark or negative, or
            another argument is out of its range.

    Example:
        >>> batches = Batches([[5, 6], [7]], [[8], [9, 4]], batch_sentences=2, shuffle=False)
        >>> print(batches)
        2 pairs in 1 batch an epoch, 16.7 % padding, 1 shape
        >>> (source, target_in), target_out = next(iter(batches.epoch(0)))
        >>> source.numpy().tolist()
        [[5, 6, 3], [7, 3, 0]]
        >>> target_in.numpy().tolist()
        [[2, 8, 0], [2, 9, 4]]
        >>> target_out.numpy().tolist()
        [[8, 3, 0], [9, 4, 3]]
    """

    def __init__(
        self,
        source_ids: Iterable[Iterable[int]],
        target_ids: Iterable[Iterable[int]],
        *,
        batch_tokens: int = 4096,
        batch_sentences: int | None = None,
        seed: int = 0,
        shuffle: bool = True,
        jitter: float = 0.05,
        maximum_length: int | None = None,
        resample: Resample | None = None,
        source_step: int = 1,
        target_step: int = 1,
    ) -> None:
        _check_at_least(1, batch_tokens=batch_tokens, batch_sentences=batch_sentences)
        _check_at_least(1, source_step=source_step, target_step=target_step)
        _check_at_least(1, maximum_length=maximum_length)
        _check_at_least(0, seed=seed, jitter=jitter)
        self._source = TokenRows("source_ids", source_ids, source_step)
        self._target = TokenRows("target_ids", target_ids, target_step)
        self._resample = resample
        self._maximum_length = maximum_length
        self._kept = self._select()
        self._buckets = LengthBuckets(
            self._source.lengths[self._kept],
            self._target.lengths[self._kept],
            batch_tokens=batch_tokens,
            batch_sentences=batch_sentences,
            seed=seed,
            shuffle=shuffle,
            jitter=jitter,
            source_step=source_step,
            target_step=target_step,
        )
        self.pairs = len(self._kept)
        self.skipped = len(self._source.lengths) - self.pairs
        self.steps_per_epoch = self._buckets.steps_per_epoch
        self.target_tokens = int(self._target.lengths[self._kept].sum())

    def plan(self, epoch: int) -> list[np.ndarray]:
        """Returns which pairs form every batch of an epoch.

        Args:
            epoch: Number of the epoch, from 0.

        Returns:
            For every step the places of its pairs in `source_ids`, int64 [B].

        Raises:
            ValueError: The epoch is negative.

        Example:
            >>> batches = Batches([[5], [5, 6]], [[7], [7, 8]], batch_sentences=1, shuffle=False)
            >>> [pairs.tolist() for pairs in batches.plan(0)]
            [[1], [0]]
        """
        _check_at_least(0, epoch=epoch)
        return [self._kept[places] for places in self._buckets.plan(epoch)]

    def epoch(self, epoch: int, first_step: int = 0) -> tf.data.Dataset:
        """Returns the batches of one epoch, from a step on.

        Args:
            epoch: Number of the epoch, from 0.
            first_step: Number of batches to leave out at the start.

        Returns:
            A dataset of `((source, target_in), target_out)`, int32 [B, S], [B, T] and [B, T]:
            the source with its end mark, the target behind its start mark, the target with its
            end mark. All are padded on the right to the longest of the batch.

        Raises:
            ValueError: The epoch or the step is out of its range.
        """
        _check_at_least(0, epoch=epoch, first_step=first_step)
        if first_step > self.steps_per_epoch:
            raise ValueError(
                f"first_step must be at most {self.steps_per_epoch}, the batches of an epoch. "
                f"Received: first_step={first_step!r}. Use dataset() to go on in later epochs."
            )
        left = self.steps_per_epoch - first_step
        return _as_dataset(lambda: self._batches(epoch, first_step), left)

    def dataset(self, first_epoch: int = 0, first_step: int = 0) -> tf.data.Dataset:
        """Returns the batches of all epochs without end, from any place on.

        `fit(batches.dataset(), steps_per_epoch=batches.steps_per_epoch)` trains on them. A dataset
        that starts at a later place gives what the one from the start gives after skipping.

        Args:
            first_epoch: Number of the epoch to start in, from 0.
            first_step: Number of batches to leave out at the start; may pass the epoch's end.

        Returns:
            An endless dataset of the elements that `epoch` describes.

        Raises:
            ValueError: The epoch or the step is negative.
        """
        import tensorflow as tf

        _check_at_least(0, first_epoch=first_epoch, first_step=first_step)
        epochs, first_step = divmod(first_step, self.steps_per_epoch)
        first_epoch += epochs

        def batches() -> Iterator[Batch]:
            yield from self._batches(first_epoch, first_step)
            for epoch in itertools.count(first_epoch + 1):
                yield from self._batches(epoch, 0)

        return _as_dataset(batches, tf.data.INFINITE_CARDINALITY)

    @property
    def padding(self) -> float:
        """Fraction of padding among all tokens of source and target in the first epoch."""
        return self._measures[0]

    def __str__(self) -> str:
        padding, shapes = self._measures
        text = (
            f"{_counted(self.pairs, 'pair')} in {_counted(self.steps_per_epoch, 'batch', 'es')} "
            f"an epoch, {100 * padding:.1f} % padding, {_counted(shapes, 'shape')}"
        )
        if self._maximum_length is None:
            return text
        return f"{text}; {self.skipped:,} longer than {self._maximum_length:,} tokens skipped"

    @functools.cached_property
    def _measures(self) -> tuple[float, int]:
        return self._buckets.measure(0)

    def _select(self) -> np.ndarray:
        sources, targets = len(self._source.lengths), len(self._target.lengths)
        if sources != targets:
            raise ValueError(
                "every source needs one target. Received: "
                f"source_ids of {sources} rows, target_ids of {targets} rows. Read them as pairs."
            )
        longest = np.maximum(self._source.lengths, self._target.lengths)
        limit = np.inf if self._maximum_length is None else self._maximum_length
        kept = np.flatnonzero(longest <= limit)
        if not len(kept):
            raise ValueError(
                f"at least one pair is needed. Received: {sources} pairs, none left with "
                f"maximum_length={self._maximum_length}. Give other pairs or a larger limit."
            )
        return kept

    def _batches(self, epoch: int, first_step: int) -> Iterator[Batch]:
        source, target = self._rows(epoch)
        for pairs in self.plan(epoch)[first_step:]:
            target_out = target.padded(pairs)
            target_in = np.roll(target_out, 1, axis=1)
            target_in[:, 0] = START_ID
            # Both have as many tokens; the shift brought end marks where target_out is padded.
            target_in[target_out == PAD_ID] = PAD_ID
            yield (source.padded(pairs), target_in), target_out

    def _rows(self, epoch: int) -> tuple[TokenRows, TokenRows]:
        if self._resample is None:
            return self._source, self._target
        sources, targets = self._resample(epoch)
        source = TokenRows(f"resample({epoch})[0]", sources, self._source.step)
        target = TokenRows(f"resample({epoch})[1]", targets, self._target.step)
        if not len(self._source.lengths) == len(source.lengths) == len(target.lengths):
            raise ValueError(
                f"resample must return {len(self._source.lengths)} sources and as many targets, "
                f"one for every pair that Batches was given. Received: {len(source.lengths)} "
                f"sources, {len(target.lengths)} targets for epoch={epoch}. Return all pairs."
            )
        return source, target


def _as_dataset(batches: Callable[[], Iterator[Batch]], cardinality: int) -> tf.data.Dataset:
    import tensorflow as tf

    ids = tf.TensorSpec([None, None], tf.int32)  # pyright: ignore[reportArgumentType]
    dataset = tf.data.Dataset.from_generator(batches, output_signature=((ids, ids), ids))
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(cardinality))
    return dataset.prefetch(PREFETCHED_BATCHES)


def _check_at_least(least: int, **values: float | None) -> None:
    for name, value in values.items():
        if value is not None and not value >= least:
            raise ValueError(f"{name} must be at least {least}. Received: {name}={value!r}.")


def _counted(number: int, noun: str, plural: str = "s") -> str:
    return f"{number:,} {noun}{'' if number == 1 else plural}"

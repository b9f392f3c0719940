"""Batches of padded token ids for `fit`: bucketed by length, shuffled, resumable at any step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from keras_s2s.data.buckets import LengthBuckets
from keras_s2s.data.epochs import (
    Batch,
    EpochBatches,
    check_at_least,
    counted,
    cut_batches,
    places_of_kept,
)
from keras_s2s.data.rows import TokenRows

Rows = Iterable[Iterable[int]]
Resample = Callable[[int], tuple[Rows, Rows]]


class Batches(EpochBatches):
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
        check_at_least(1, batch_tokens=batch_tokens, batch_sentences=batch_sentences)
        check_at_least(1, source_step=source_step, target_step=target_step)
        check_at_least(1, maximum_length=maximum_length)
        check_at_least(0, seed=seed, jitter=jitter)
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
        check_at_least(0, epoch=epoch)
        return [self._kept[places] for places in self._buckets.plan(epoch)]

    def _measure(self) -> tuple[float, int]:
        return self._buckets.measure(0)

    def _describe(self) -> str:
        padding, shapes = self._measures
        return (
            f"{counted(self.pairs, 'pair')} in {counted(self.steps_per_epoch, 'batch', 'es')} "
            f"an epoch, {100 * padding:.1f} % padding, {counted(shapes, 'shape')}"
        )

    def _select(self) -> np.ndarray:
        sources, targets = len(self._source.lengths), len(self._target.lengths)
        if sources != targets:
            raise ValueError(
                "every source needs one target. Received: "
                f"source_ids of {sources} rows, target_ids of {targets} rows. Read them as pairs."
            )
        lengths = self._source.lengths, self._target.lengths
        kept = places_of_kept(*lengths, self._maximum_length)
        if not len(kept):
            raise ValueError(
                f"at least one pair is needed. Received: {sources} pairs, none left with "
                f"maximum_length={self._maximum_length}. Give other pairs or a larger limit."
            )
        return kept

    def _batches(self, places: Iterable[tuple[int, int]]) -> Iterator[Batch]:
        for epoch, first_step in places:
            yield from cut_batches(*self._rows(epoch), self.plan(epoch)[first_step:])

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

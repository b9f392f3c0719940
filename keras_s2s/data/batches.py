"""Batches of padded token ids for `fit`: bucketed by length, shuffled, resumable at any step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from keras_s2s.data.buckets import LengthBuckets
from keras_s2s.data.epochs import (
    Batch,
    EpochBatches,
    check_at_least,
    counted,
    cut_batches,
    kept_pairs,
)
from keras_s2s.data.line_weights import checked_weights
from keras_s2s.data.rows import TokenRows

Rows = Iterable[Iterable[int]]
Resample = Callable[[int], tuple[Rows, Rows]]


class Batches(EpochBatches):
    """Batches of a corpus held in memory, as `tf.data` pipelines.

    `LengthBuckets` puts pairs of similar lengths into a batch, other ones in every epoch. Every
    epoch has the same number of batches and yields every pair exactly once. The batch of a step
    depends on the seed, the epoch and the step alone.

    Args:
        source_ids: Token ids of every source, without start and end tokens.
        target_ids: Token ids of every target, without start and end tokens.
        batch_tokens: Maximum number of target tokens in a batch, padding and end tokens included.
            Only a single longer pair exceeds it.
        batch_sentences: Number of pairs in a batch, instead of `batch_tokens`.
        seed: Seed of the shuffling, not negative.
        shuffle: Whether to shuffle. Without it all epochs are the same, long targets first.
        length_noise: Noise of the lengths before bucketing, as a fraction. More of it mixes the
            batches better and adds padding.
        maximum_length: Maximum length of either side in tokens, end token included; longer pairs
            are skipped and counted. None for no limit.
        sample_weight: A weight for each pair in the loss, at least 0; None for none.
        resample: Called at the start of every epoch with its number, from 0; returns new ids for
            all pairs, the skipped ones included. It must be a function of the epoch alone.
            `source_ids` and `target_ids` then only decide which pairs are skipped and which share
            a batch: a batch of longer rows may exceed `batch_tokens`. None for the same ids always.
        source_step: Sources are padded to a multiple of this many tokens. A larger step adds
            padding and has fewer shapes to compile for.
        target_step: As `source_step`, for targets.

    Attributes:
        pairs: Number of pairs in an epoch.
        skipped: Number of pairs longer than `maximum_length`.
        steps_per_epoch: Number of batches in every epoch.
        target_tokens: Target tokens of an epoch, without padding; those of `target_ids`.

    Raises:
        TypeError: The ids are not sequences of integers.
        ValueError: The sides differ in number, no pair is left, an id is reserved or negative, or
            another argument is out of range.

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
        length_noise: float = 0.05,
        maximum_length: int | None = None,
        sample_weight: Any = None,
        resample: Resample | None = None,
        source_step: int = 1,
        target_step: int = 1,
    ) -> None:
        check_at_least(1, batch_tokens=batch_tokens, batch_sentences=batch_sentences)
        check_at_least(1, source_step=source_step, target_step=target_step)
        check_at_least(1, maximum_length=maximum_length)
        check_at_least(0, seed=seed, length_noise=length_noise)
        self._source = TokenRows("source_ids", source_ids, source_step)
        self._target = TokenRows("target_ids", target_ids, target_step)
        self._resample, self._maximum_length = resample, maximum_length
        self._kept = self._select()
        self._weights = checked_weights(sample_weight, len(self._source.lengths))
        self.is_weighted = self._weights is not None
        self._buckets = LengthBuckets(
            self._source.lengths[self._kept],
            self._target.lengths[self._kept],
            batch_tokens=batch_tokens,
            batch_sentences=batch_sentences,
            seed=seed,
            shuffle=shuffle,
            length_noise=length_noise,
            source_step=source_step,
            target_step=target_step,
        )
        self.pairs, self.steps_per_epoch = len(self._kept), self._buckets.steps_per_epoch
        self.skipped = len(self._source.lengths) - self.pairs
        self.target_tokens = int(self._target.lengths[self._kept].sum())

    @property
    def longest_target(self) -> int:
        """Tokens of the longest target, end token included; those of `target_ids`."""
        return int(self._target.lengths[self._kept].max())

    def plan(self, epoch: int) -> list[np.ndarray]:
        """Returns the pairs of every batch of an epoch.

        Args:
            epoch: Number of the epoch, from 0.

        Returns:
            For every step the indices of its pairs in `source_ids`, int64 [B].

        Raises:
            ValueError: The epoch is negative.

        Example:
            >>> batches = Batches([[5], [5, 6]], [[7], [7, 8]], batch_sentences=1, shuffle=False)
            >>> [pairs.tolist() for pairs in batches.plan(0)]
            [[1], [0]]
        """
        check_at_least(0, epoch=epoch)
        return [self._kept[indices] for indices in self._buckets.plan(epoch)]

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
        kept = kept_pairs(*lengths, self._maximum_length)
        if not len(kept):
            raise ValueError(
                f"at least one pair is needed. Received: {sources} pairs, none left with "
                f"maximum_length={self._maximum_length}. Give other pairs or a larger limit."
            )
        return kept

    def _batches(self, starts: Iterable[tuple[int, int]]) -> Iterator[Batch]:
        for epoch, first_step in starts:
            plan = self.plan(epoch)[first_step:]
            yield from cut_batches(*self._rows(epoch), plan, self._weights)

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

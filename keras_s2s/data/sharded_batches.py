"""Batches of a larger-than-memory corpus, with at most two of its shards in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

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
from keras_s2s.data.rows import TokenRows
from keras_s2s.data.shards import SIDES, Shard, ShardContent

Rows = Iterable[Iterable[int]]
ResampleShard = Callable[[Sequence[str], Sequence[str], int], tuple[Rows, Rows]]
Visit = tuple[int, int, int]  # The epoch, the index of the shard, and the first step in it.


class ShardedBatches(EpochBatches):
    """Batches of a corpus in shards, as `tf.data` pipelines; memory does not grow with the corpus.

    The shards are shuffled in every epoch, and within a shard `LengthBuckets` puts pairs of
    similar lengths into a batch, other ones in every epoch. A shard must be a random sample of the
    corpus, as `prepare` makes it. A thread reads, verifies and perhaps resamples the next shard
    while training uses the current one.

    Every epoch has the same number of batches and yields every pair exactly once. The batch of a
    step depends on the seed, the epoch and the step alone; starting at a step reads no shard before
    it. The constructor reads the lengths of all rows, a shard at a time.

    Args:
        shards: The files. `PreparedCorpus.batches` passes those of a prepared corpus.
        batch_tokens: As for `Batches`.
        batch_sentences: As for `Batches`.
        seed: As for `Batches`.
        shuffle: As for `Batches`; without it the shards keep their order.
        length_noise: As for `Batches`.
        maximum_length: As for `Batches`.
        resample: Called with the sources of a shard, its targets, and a number unique to the
            shard and the epoch; returns new ids for all of them. It must be a function of its
            arguments alone. None for the ids of the file.
        source_step: As for `Batches`.
        target_step: As for `Batches`.
        is_weighted: Whether the shards hold weights of the pairs, for the loss.

    Attributes:
        pairs: Number of pairs in an epoch.
        skipped: Number of pairs longer than `maximum_length`.
        steps_per_epoch: Number of batches in every epoch.
        target_tokens: Target tokens of an epoch, without padding; those of the files.
        padding: Fraction of padding among all tokens of the first shard.
        error: The error that ended the last iteration, or None. TensorFlow replaces it by its own.

    Raises:
        ValueError: No pair is left, an argument is out of range, or a shard is missing or damaged;
            also while iterating, as the SHA-256 of a shard is verified when it is read.
    """

    def __init__(
        self,
        shards: Sequence[Shard],
        *,
        batch_tokens: int = 4096,
        batch_sentences: int | None = None,
        seed: int = 0,
        shuffle: bool = True,
        length_noise: float = 0.05,
        maximum_length: int | None = None,
        resample: ResampleShard | None = None,
        source_step: int = 1,
        target_step: int = 1,
        is_weighted: bool = False,
    ) -> None:
        check_at_least(1, batch_tokens=batch_tokens, batch_sentences=batch_sentences)
        check_at_least(1, source_step=source_step, target_step=target_step)
        check_at_least(1, maximum_length=maximum_length)
        check_at_least(0, seed=seed, length_noise=length_noise)
        self._batch_tokens, self._batch_sentences = batch_tokens, batch_sentences
        self._seed, self._shuffle, self._length_noise = seed, shuffle, length_noise
        self._maximum_length, self._resample = maximum_length, resample
        self.is_weighted = is_weighted
        self._width_steps = dict(zip(SIDES, (source_step, target_step), strict=True))
        self._shards: list[Shard] = []
        self._steps: list[int] = []
        self.pairs = self.skipped = self.target_tokens = 0
        self.error: Exception | None = None
        for shard in shards:
            self._add(shard)
        if not self._shards:
            raise ValueError(
                f"at least one pair is needed. Received: {self.skipped} pairs, none left with "
                f"maximum_length={maximum_length}. Give other pairs or a larger limit."
            )
        self.steps_per_epoch = sum(self._steps)

    def plan(self, epoch: int) -> list[tuple[int, int]]:
        """Returns the order of the shards in an epoch.

        Args:
            epoch: Number of the epoch, from 0.

        Returns:
            For every shard its index, among those that have a pair to train on, and its number
            of batches.

        Raises:
            ValueError: The epoch is negative.
        """
        check_at_least(0, epoch=epoch)
        order = np.arange(len(self._shards))
        if self._shuffle:
            order = np.random.default_rng([self._seed, epoch]).permutation(order)
        return [(int(index), self._steps[index]) for index in order]

    def _add(self, shard: Shard) -> None:
        lengths = shard.lengths()
        kept, buckets = self._select(len(self._shards), lengths)
        self.skipped += len(lengths["target"]) - len(kept)
        if buckets is None:
            return
        self.pairs += len(kept)
        self.target_tokens += int(lengths["target"][kept].sum())
        self._shards.append(shard)
        self._steps.append(buckets.steps_per_epoch)

    def _select(
        self, index: int, lengths: dict[str, np.ndarray]
    ) -> tuple[np.ndarray, LengthBuckets | None]:
        """The pairs of a shard that are not skipped, and their batches; None where none is left."""
        kept = kept_pairs(lengths["source"], lengths["target"], self._maximum_length)
        if not len(kept):
            return kept, None
        buckets = LengthBuckets(
            lengths["source"][kept],
            lengths["target"][kept],
            batch_tokens=self._batch_tokens,
            batch_sentences=self._batch_sentences,
            # Another seed for every shard, or all would have the same order of long and short.
            seed=int(np.random.default_rng([self._seed, index]).integers(2**32)),
            shuffle=self._shuffle,
            length_noise=self._length_noise,
            source_step=self._width_steps["source"],
            target_step=self._width_steps["target"],
        )
        return kept, buckets

    def _batches(self, starts: Iterable[tuple[int, int]]) -> Iterator[Batch]:
        visits = self._visits(starts)
        loader = ThreadPoolExecutor(1, "shards")
        self.error = None
        try:
            loads = (loader.submit(self._load, *visit) for visit in visits)
            ahead = next(loads, None)
            while ahead is not None:
                batches = ahead.result()
                ahead = next(loads, None)
                yield from batches
        except Exception as error:
            self.error = error
            raise
        finally:
            loader.shutdown(wait=False, cancel_futures=True)

    def _visits(self, starts: Iterable[tuple[int, int]]) -> Iterator[Visit]:
        for epoch, first_step in starts:
            for index, steps in self.plan(epoch):
                if first_step < steps:
                    yield epoch, index, first_step
                first_step = max(0, first_step - steps)

    def _load(self, epoch: int, index: int, first_step: int) -> Iterator[Batch]:
        """Reads a shard; iterating the result only pads its batches."""
        content = self._shards[index].read()
        rows = {side: content.rows(side, step) for side, step in self._width_steps.items()}
        kept, buckets = self._select(index, {side: rows[side].lengths for side in SIDES})
        plan = buckets.plan(epoch)[first_step:] if buckets else []
        if self._resample is not None:
            rows = self._resampled(content, epoch * len(self._shards) + index)
        pairs = (kept[indices] for indices in plan)
        weights = content.weights() if self.is_weighted else None
        return cut_batches(rows["source"], rows["target"], pairs, weights)

    def _resampled(self, content: ShardContent, number: int) -> dict[str, TokenRows]:
        """The ids of the texts of a shard by another segmentation into subwords."""
        sources, targets = content.texts("source"), content.texts("target")
        new_ids = self._resample(sources, targets, number) if self._resample else ()
        rows = {
            side: TokenRows(f"resample(..., {number})[{i}]", ids, self._width_steps[side])
            for i, (side, ids) in enumerate(zip(SIDES, new_ids, strict=True))
        }
        found = [len(one.lengths) for one in rows.values()]
        if found != [len(sources)] * 2:
            raise ValueError(
                f"resample must return {len(sources)} sources and as many targets, one for every "
                f"text. Received: {found[0]} sources, {found[1]} targets. Return all of them."
            )
        return rows

    def _measure(self) -> tuple[float, int]:
        _, buckets = self._select(0, self._shards[0].lengths())
        return buckets.measure(0) if buckets else (0.0, 0)

    def _describe(self) -> str:
        padding, shapes = self._measures
        return (
            f"{counted(self.pairs, 'pair')} in {counted(len(self._shards), 'shard')}, "
            f"{counted(self.steps_per_epoch, 'batch', 'es')} an epoch; in the first shard "
            f"{100 * padding:.1f} % padding, {counted(shapes, 'shape')}"
        )

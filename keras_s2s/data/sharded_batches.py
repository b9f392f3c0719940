"""Batches of a corpus that stays in files, of which two shards at most are in memory."""

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
    places_of_kept,
)
from keras_s2s.data.rows import TokenRows
from keras_s2s.data.shards import SIDES, Shard, ShardContent

Rows = Iterable[Iterable[int]]
ResampleShard = Callable[[Sequence[str], Sequence[str], int], tuple[Rows, Rows]]
Visit = tuple[int, int, int]  # The epoch, the place of the shard, and the first step in it.


class ShardedBatches(EpochBatches):
    """Batches of a corpus in shards, as `tf.data` pipelines; memory does not grow with the corpus.

    In every epoch the shards come in another order, and pairs of like lengths within a shard
    share a batch, as `LengthBuckets` tells, with other pairs in every epoch. A shard must be a
    random sample of the corpus, as `prepare` makes it. The next one is read, checked and perhaps
    cut into other pieces in a thread while training is in the one before.

    Every epoch has the same number of batches and holds every pair exactly once. What comes at a
    step depends on the seed, the epoch and the step alone, and a start at any step reads no
    shard before it. At the beginning the lengths of all rows are read, a shard at a time.

    Args:
        shards: The files. `PreparedCorpus.batches` gives those of a prepared corpus.
        batch_tokens: As for `Batches`.
        batch_sentences: As for `Batches`.
        seed: As for `Batches`.
        shuffle: As for `Batches`; without it the shards come in their order.
        jitter: As for `Batches`.
        maximum_length: As for `Batches`.
        resample: Called with the sources of a shard, its targets, and a number that is another one
            for every shard in every epoch; returns other ids for all of them, and the same ids
            whenever the number is the same. None for the ids of the file.
        source_step: As for `Batches`.
        target_step: As for `Batches`.

    Attributes:
        pairs: Number of pairs in an epoch.
        skipped: Number of pairs longer than `maximum_length`.
        steps_per_epoch: Number of batches in every epoch.
        target_tokens: Real target tokens of an epoch, end marks included; those of the files.
        padding: Fraction of padding among all tokens of the first shard.
        error: What ended the last iteration, or None; `fit` raises an error of TensorFlow's own.

    Raises:
        ValueError: No pair is left, an argument is out of its range, or a shard is missing or
            damaged; while iterating too, as a shard's SHA-256 is checked when it is read.
    """

    def __init__(
        self,
        shards: Sequence[Shard],
        *,
        batch_tokens: int = 4096,
        batch_sentences: int | None = None,
        seed: int = 0,
        shuffle: bool = True,
        jitter: float = 0.05,
        maximum_length: int | None = None,
        resample: ResampleShard | None = None,
        source_step: int = 1,
        target_step: int = 1,
    ) -> None:
        check_at_least(1, batch_tokens=batch_tokens, batch_sentences=batch_sentences)
        check_at_least(1, source_step=source_step, target_step=target_step)
        check_at_least(1, maximum_length=maximum_length)
        check_at_least(0, seed=seed, jitter=jitter)
        self._batch_tokens, self._batch_sentences = batch_tokens, batch_sentences
        self._seed, self._shuffle, self._jitter = seed, shuffle, jitter
        self._maximum_length, self._resample = maximum_length, resample
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
        """Returns in which order the shards come.

        Args:
            epoch: Number of the epoch, from 0.

        Returns:
            For every shard its number, among those that have a pair to train on, and its number
            of batches.

        Raises:
            ValueError: The epoch is negative.
        """
        check_at_least(0, epoch=epoch)
        places = np.arange(len(self._shards))
        if self._shuffle:
            places = np.random.default_rng([self._seed, epoch]).permutation(places)
        return [(int(place), self._steps[place]) for place in places]

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
        self, place: int, lengths: dict[str, np.ndarray]
    ) -> tuple[np.ndarray, LengthBuckets | None]:
        """The pairs of a shard that are not skipped, and how they are cut into batches."""
        kept = places_of_kept(lengths["source"], lengths["target"], self._maximum_length)
        if not len(kept):
            return kept, None
        buckets = LengthBuckets(
            lengths["source"][kept],
            lengths["target"][kept],
            batch_tokens=self._batch_tokens,
            batch_sentences=self._batch_sentences,
            # Of its own for every shard, or all would have the same order of long and short.
            seed=int(np.random.default_rng([self._seed, place]).integers(2**32)),
            shuffle=self._shuffle,
            jitter=self._jitter,
            source_step=self._width_steps["source"],
            target_step=self._width_steps["target"],
        )
        return kept, buckets

    def _batches(self, places: Iterable[tuple[int, int]]) -> Iterator[Batch]:
        visits = self._visits(places)
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

    def _visits(self, places: Iterable[tuple[int, int]]) -> Iterator[Visit]:
        for epoch, first_step in places:
            for place, steps in self.plan(epoch):
                if first_step < steps:
                    yield epoch, place, first_step
                first_step = max(0, first_step - steps)

    def _load(self, epoch: int, place: int, first_step: int) -> Iterator[Batch]:
        """Reads a shard; what is left to do is to pad its batches."""
        content = self._shards[place].read()
        rows = {side: content.rows(side, step) for side, step in self._width_steps.items()}
        kept, buckets = self._select(place, {side: rows[side].lengths for side in SIDES})
        plan = buckets.plan(epoch)[first_step:] if buckets else []
        if self._resample is not None:
            rows = self._drawn(content, epoch * len(self._shards) + place)
        return cut_batches(rows["source"], rows["target"], (kept[places] for places in plan))

    def _drawn(self, content: ShardContent, number: int) -> dict[str, TokenRows]:
        """Cuts the texts of a shard into other pieces."""
        sources, targets = content.texts("source"), content.texts("target")
        drawn = self._resample(sources, targets, number) if self._resample else ()
        rows = {
            side: TokenRows(f"resample(..., {number})[{i}]", ids, self._width_steps[side])
            for i, (side, ids) in enumerate(zip(SIDES, drawn, strict=True))
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

"""Bucketing: batches of pairs of similar lengths, other ones in every epoch."""

from __future__ import annotations

import numpy as np


class LengthBuckets:
    """Plans batches of pairs whose lengths are similar on both sides.

    1. Sort all pairs by target length, longest first, and cut them into strips of several batches.
    2. Sort every strip by source length and cut it into batches.
    3. Shuffle the order of the batches.

    Pairs of equal lengths are shuffled in every epoch, and for sorting, a length is multiplied by
    a random factor from 1 to `1 + length_noise`. The cuts are at the same positions in all epochs,
    so the number of batches never changes; they are computed for the largest factors, so no batch
    exceeds the limit.

    Args:
        source_lengths: Source tokens of every pair, int64 [pairs].
        target_lengths: Target tokens of every pair, int64 [pairs].
        batch_tokens: Maximum number of target tokens in a batch, padding included.
        batch_sentences: Number of pairs in a batch, instead of `batch_tokens`; None for tokens.
        seed: Seed of the shuffling, not negative.
        shuffle: Whether to shuffle; without it there is no length noise.
        length_noise: Noise of the lengths before bucketing, as a fraction.
        source_step: Sources are padded to a multiple of this many tokens.
        target_step: Targets are padded to a multiple of this many tokens.

    Attributes:
        steps_per_epoch: Number of batches in every epoch.

    Example:
        >>> lengths = np.array([3, 9, 3, 9])
        >>> buckets = LengthBuckets(
        ...     lengths, lengths, batch_tokens=18, batch_sentences=None, seed=0, shuffle=False,
        ...     length_noise=0.05, source_step=1, target_step=1,
        ... )
        >>> [pairs.tolist() for pairs in buckets.plan(epoch=0)]
        [[1, 3], [0, 2]]
    """

    def __init__(
        self,
        source_lengths: np.ndarray,
        target_lengths: np.ndarray,
        *,
        batch_tokens: int,
        batch_sentences: int | None,
        seed: int,
        shuffle: bool,
        length_noise: float,
        source_step: int,
        target_step: int,
    ) -> None:
        self._source_lengths, self._target_lengths = source_lengths, target_lengths
        self._source_step, self._target_step = source_step, target_step
        self._seed, self._shuffle = seed, shuffle
        self._length_noise = length_noise if shuffle else 0.0
        self._strips, self._cuts = self._cut(batch_tokens, batch_sentences)
        self.steps_per_epoch = len(self._cuts) + 1

    def plan(self, epoch: int) -> list[np.ndarray]:
        """Returns which pairs form every batch of an epoch.

        Args:
            epoch: Number of the epoch, from 0.

        Returns:
            For every step the numbers of its pairs, int64 [B].
        """
        count = len(self._source_lengths)
        generator = np.random.default_rng([self._seed, epoch])
        growth = 1 + self._length_noise * generator.random((2, count))
        order = generator.permutation(count) if self._shuffle else np.arange(count)
        widths = _widths(self._target_lengths[order], self._target_step, growth[0])
        order = order[np.argsort(-widths, kind="stable")]
        widths = _widths(self._source_lengths[order], self._source_step, growth[1])
        order = order[np.lexsort((-widths, self._strips))]
        batches = np.split(order, self._cuts)
        if not self._shuffle:
            return batches
        return [batches[place] for place in generator.permutation(self.steps_per_epoch)]

    def measure(self, epoch: int) -> tuple[float, int]:
        """Measures the batches of an epoch.

        Args:
            epoch: Number of the epoch, from 0.

        Returns:
            The fraction of padding among all tokens of both sides, and the number of different
            shapes [B, S, T].
        """
        shapes, size, tokens = set(), 0, 0
        for pairs in self.plan(epoch):
            source, target = self._source_lengths[pairs], self._target_lengths[pairs]
            source_width = int(_widths(source.max(), self._source_step))
            target_width = int(_widths(target.max(), self._target_step))
            shapes.add((len(pairs), source_width, target_width))
            size += len(pairs) * (source_width + target_width)
            tokens += int(source.sum() + target.sum())
        return 1 - tokens / size, len(shapes)

    def _cut(self, batch_tokens: int, batch_sentences: int | None) -> tuple[np.ndarray, list[int]]:
        """Returns the strip of every position in the order of `plan`, and where batches are cut."""
        # Sorted, no length with noise exceeds the one at its position here, with maximum noise.
        widths = _widths(self._target_lengths, self._target_step, 1 + self._length_noise)
        widths = -np.sort(-widths)
        count = len(widths)
        batches = count / batch_sentences if batch_sentences else widths.sum() / batch_tokens
        strip_batches = self._strip_batches(batches)
        strip_lengths, cuts, start = [], [], 0
        while start < count:
            rows = batch_sentences or max(1, batch_tokens // int(widths[start]))
            stop = min(start + rows * strip_batches, count)
            strip_lengths.append(stop - start)
            cuts += [*range(start + rows, stop, rows), stop]
            start = stop
        return np.repeat(np.arange(len(strip_lengths)), strip_lengths), cuts[:-1]

    def _strip_batches(self, batches: float) -> int:
        """Chooses the number of batches in a strip, m, that pads least.

        Of K batches in all, the sources of a batch span 1/m of the range of sources at one target
        length, and its targets span m/K of the range of all targets. Their padding is smallest at
        m² = K · (deviation of sources at one target length) / (deviation of targets).
        """
        lengths = np.stack([self._source_lengths, self._target_lengths])
        (source_variance, covariance), (_, target_variance) = np.cov(lengths, bias=True)
        if target_variance == 0:
            return max(1, round(batches))
        residual_variance = max(0.0, source_variance - covariance**2 / target_variance)
        return max(1, round((batches * (residual_variance / target_variance) ** 0.5) ** 0.5))


def _widths(lengths: np.ndarray, step: int, growth: float | np.ndarray = 1.0) -> np.ndarray:
    """Returns lengths times growth, rounded down to tokens, then up to multiples of the step."""
    return -(-np.floor(lengths * growth).astype(np.int64) // step) * step

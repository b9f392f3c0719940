"""Batches that are made of other batches: the same pairs in the same order."""

from __future__ import annotations

import numpy as np

from keras_s2s.data.batches import Batches
from keras_s2s.data.epochs import EpochBatches


class DerivedBatches(EpochBatches):
    """Base class of batches to which something is added, batch by batch.

    Args:
        batches: The batches.
    """

    def __init__(self, batches: Batches) -> None:
        self._batches_of_pairs = batches
        self.pairs, self.skipped = batches.pairs, batches.skipped
        self.steps_per_epoch = batches.steps_per_epoch
        self.target_tokens = batches.target_tokens
        self._maximum_length = batches._maximum_length
        self.is_weighted = batches.is_weighted

    def plan(self, epoch: int) -> list[np.ndarray]:
        """Returns the pairs of every batch of an epoch, see `Batches.plan`."""
        return self._batches_of_pairs.plan(epoch)

    def _measure(self) -> tuple[float, int]:
        return self._batches_of_pairs._measure()

    def _describe(self) -> str:
        return self._batches_of_pairs._describe()

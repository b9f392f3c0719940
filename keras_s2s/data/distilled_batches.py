"""Batches with the distributions of teachers, for distillation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from keras_s2s.data.batches import Batches
from keras_s2s.data.derived_batches import DerivedBatches
from keras_s2s.special_ids import PAD_ID


class TokenDistributions:
    """Distributions over the tokens at each position of some targets, of which K entries are kept.

    Args:
        lengths: Tokens of every target, end token included, integers `[pairs]`.
        ids: The kept tokens, integers `[tokens, K]`, of all targets one after the other; that of
            the target comes first, and no token twice.
        probabilities: Their probabilities, floats `[tokens, K]`.

    Raises:
        ValueError: The shapes do not go together.

    Example:
        >>> found = TokenDistributions([2], [[5, 3], [3, 5]], [[0.75, 0.25], [1.0, 0.0]])
        >>> ids, probabilities = found.padded(np.array([0]), 3)
        >>> ids.astype(int).tolist()
        [[[5, 3], [3, 5], [0, 0]]]
        >>> probabilities.tolist()
        [[[0.75, 0.25], [1.0, 0.0], [0.0, 0.0]]]
    """

    def __init__(self, lengths: Any, ids: Any, probabilities: Any) -> None:
        self._lengths = np.asarray(lengths, np.int64)
        self.ids, self.probabilities = np.asarray(ids), np.asarray(probabilities)
        self._starts = np.cumsum(self._lengths) - self._lengths
        is_table = self.ids.ndim == 2 and self.ids.shape == self.probabilities.shape
        if not is_table or len(self.ids) != self._lengths.sum():
            raise ValueError(
                "ids and probabilities must be [tokens, K], with as many tokens as the lengths sum "
                f"to. Received: {self.ids.shape} and {self.probabilities.shape} for "
                f"{self._lengths.sum():,} tokens"
            )

    def padded(self, pairs: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
        """Those of some pairs, padded on the right with 0.

        Args:
            pairs: Numbers of the pairs, int64 `[B]`.
            length: T, at least that of the longest target.

        Returns:
            Ids and probabilities, float32 `[B, T, K]`.
        """
        columns = np.arange(length)
        real = columns < self._lengths[pairs][:, None]  # [B, T]
        tokens = (self._starts[pairs][:, None] + columns)[real]
        found = np.zeros((2, *real.shape, self.ids.shape[1]), np.float32)
        found[0, real], found[1, real] = self.ids[tokens], self.probabilities[tokens]
        return found[0], found[1]


class DistilledBatches(DerivedBatches):
    """`Batches` whose targets are distributions, for `DistilledCrossentropy`.

    With the token y of the target, the label smoothing e and the teachers' probabilities P, the
    target of a position is::

        q(v) = (1 - weight) * (1 - e) * [v = y] + weight * P(v)

    for y and the tokens v that are kept of P. What these shares lack of 1 belongs to the whole
    vocabulary, in equal parts.

    Args:
        batches: Batches of the pairs, whose targets are segmented as for the teachers.
        distributions: The predictions of the teachers for the same pairs.
        weight: Share of the teachers in the target, from 0 to 1.
        label_smoothing: e, a probability.

    Example:
        >>> batches = Batches([[4, 5]], [[5]], batch_sentences=1)
        >>> teachers = TokenDistributions([2], [[5, 3], [3, 5]], [[0.75, 0.25], [1.0, 0.0]])
        >>> _, shares = next(iter(DistilledBatches(batches, teachers, 0.5).epoch(0)))
        >>> shares.numpy()[0].tolist()  # For each token its kept ids, then their shares.
        [[[5.0, 3.0], [0.875, 0.125]], [[3.0, 5.0], [1.0, 0.0]]]

    Source: Hinton et al. 2015, section 2; of tokens: Kim and Rush 2016, section 3.1; of some
    probabilities: Tan et al. 2019, "Multilingual Neural Machine Translation with Knowledge
    Distillation", section 3.3.
    """

    def __init__(
        self,
        batches: Batches,
        distributions: TokenDistributions,
        weight: float = 0.5,
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(batches)
        self._distributions = distributions
        self._weight = weight
        self._of_target = (1 - weight) * (1 - label_smoothing)

    def _batches(self, starts: Iterable[tuple[int, int]]) -> Iterator[Any]:
        for epoch, first_step in starts:
            plan = self.plan(epoch)[first_step:]
            batches = self._batches_of_pairs._batches([(epoch, first_step)])
            for pairs, (inputs, target_out, *weights) in zip(plan, batches, strict=True):
                ids, shares = self._distributions.padded(pairs, target_out.shape[1])
                shares *= self._weight
                shares[..., 0] += self._of_target * (target_out != PAD_ID)
                yield inputs, np.stack([ids, shares], axis=-2), *weights

    def _target_spec(self) -> Any:
        import tensorflow as tf

        kept = self._distributions.ids.shape[1]
        return tf.TensorSpec([None, None, 2, kept], tf.float32)  # pyright: ignore[reportArgumentType]

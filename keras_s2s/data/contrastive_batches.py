"""Batches of targets and of the same targets without one word, for contrastive learning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from keras_s2s.data.batches import Batches
from keras_s2s.data.derived_batches import DerivedBatches
from keras_s2s.data.epochs import shifted
from keras_s2s.data.pairs import Pairs
from keras_s2s.special_ids import END_ID, PAD_ID
from keras_s2s.text.tokenizer import Tokenizer
from keras_s2s.text.word_finder import WordFinder

_STREAM = 2  # Batches are shuffled by the same seed and epoch: another stream of random numbers.


class ContrastiveBatches(DerivedBatches):
    """`Batches` of twice as many rows, for `MaxMargin`: pairs, then the same without a target word.

    The second half has the sources of the first half again, each with its target without one
    word, all tokens of it. Which word that is depends on the seed, the epoch and the pair alone. A
    target of a single word has no other: its row in the second half is padding. Words are what
    white space separates.

    Args:
        batches: Batches of the pairs; where they have new segmentations in every epoch, the words
            are found in these.
        pairs: The same pairs as texts.
        target_tokenizer: Tokenizer of the targets.
        seed: Seed of the choice of words, not negative.

    Attributes:
        longest_target: Number of tokens of the longest target, end token included.

    Raises:
        ValueError: The numbers of pairs differ, or the seed is negative.

    Example:
        >>> from keras_s2s import WordTokenizer
        >>> words, pairs = WordTokenizer.train(["a b c"]), [("a b", "c b a"), ("a", "b")]
        >>> batches = Batches([[4, 5], [4]], [[6, 5, 4], [5]], batch_sentences=2, shuffle=False)
        >>> contrastive = ContrastiveBatches(batches, pairs, words)
        >>> (source, _), target_out = next(iter(contrastive.epoch(0)))
        >>> source.numpy().tolist()
        [[4, 5, 3], [4, 3, 0], [4, 5, 3], [4, 3, 0]]
        >>> target_out.numpy().tolist()
        [[6, 5, 4, 3], [5, 3, 0, 0], [6, 4, 3, 0], [0, 0, 0, 0]]

    Source: Yang et al. 2019, "Reducing Word Omission Errors in Neural Machine Translation: A
    Contrastive Learning Approach" (the random omission of one word).
    """

    def __init__(
        self, batches: Batches, pairs: Pairs, target_tokenizer: Tokenizer, seed: int = 0
    ) -> None:
        super().__init__(batches)
        if len(pairs) != batches.pairs + batches.skipped:
            raise ValueError(
                "`pairs` must be those of the batches. Received: "
                f"{batches.pairs + batches.skipped:,} pairs in batches and {len(pairs):,} as texts"
            )
        if not seed >= 0:
            raise ValueError(f"`seed` must be at least 0. Received: seed={seed!r}")
        self.longest_target = batches.longest_target
        self._targets = [target for _, target in pairs]
        self._find = WordFinder(target_tokenizer)
        self._seed = seed

    def _batches(self, starts: Iterable[tuple[int, int]]) -> Iterator[Any]:
        for epoch, first_step in starts:
            random = np.random.default_rng([self._seed, epoch, _STREAM])
            draws = random.random(len(self._targets))
            plan = self.plan(epoch)[first_step:]
            batches = self._batches_of_pairs._batches([(epoch, first_step)])
            for pairs, ((source, target_in), target_out, *weights) in zip(
                plan, batches, strict=True
            ):
                others = self._others(pairs.tolist(), target_out, draws)
                inputs = _joined(source, source), _joined(target_in, shifted(others))
                yield inputs, _joined(target_out, others), *(_joined(one, one) for one in weights)

    def _others(self, pairs: list[int], target: np.ndarray, draws: np.ndarray) -> np.ndarray:
        """The targets without a word, int32 `[B, T]`."""
        found = np.full_like(target, PAD_ID)
        for row, pair in enumerate(pairs):
            ids = target[row][target[row] != PAD_ID][:-1]
            of_word = self._find(self._targets[pair], ids.tolist())
            left = ids[~omitted(of_word, draws[pair])]
            if len(left) < len(ids):
                found[row, : len(left) + 1] = [*left, END_ID]
        return found


def omitted(of_word: np.ndarray, draw: float) -> np.ndarray:
    """Which tokens of a text go with one of its words; none if it has a single word.

    Args:
        of_word: The word of each token, from 0; -1 for a token that belongs to no word.
        draw: A number from 0 to below 1 that chooses the word.

    Returns:
        bool `[T]`. A token of no word beside it, the blank between two words, is omitted too.

    Example:
        >>> omitted(np.array([0, 0, -1, 1, -1, 2]), 0.5).tolist()
        [False, False, True, True, False, False]
    """
    words = np.unique(of_word[of_word >= 0])
    if len(words) < 2:
        return np.zeros(len(of_word), bool)
    found = of_word == words[int(draw * len(words))]
    first, last = np.flatnonzero(found)[[0, -1]]
    if first > 0 and of_word[first - 1] < 0:
        found[first - 1] = True
    elif last + 1 < len(found) and of_word[last + 1] < 0:
        found[last + 1] = True
    return found


def _joined(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.concatenate([first, second])

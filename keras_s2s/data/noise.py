"""Noise on the words of sources: dropped, moved and masked words, other ones in every epoch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from keras_s2s.special_ids import UNK_ID
from keras_s2s.text.protected import pattern_of
from keras_s2s.text.tokenizer import Tokenizer

# A private-use character: normalization keeps it, and a vocabulary has it only if the text does.
MASK = "\ue000"
_STREAM = 1  # Batches are shuffled by the same seed and epoch: another stream of random numbers.


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Noise on the words of texts, for sources in training.

    Words are what white space separates. First each word is dropped with a probability, then words
    are replaced by `MASK`, which tokenizers read as the unknown token, with another. Last, the
    word at position i gets the number `i + u`, u uniform in [0, swap + 1), and the words are sorted
    by their numbers: no word moves more than `swap` positions. At least one word of a text is
    neither dropped nor masked, so a text of a single word stays as it is.

    Args:
        drop: Probability of dropping a word, 0 to below 1.
        swap: Largest number of positions that a word moves, among the words that are left.
        mask: Probability of masking a word that is left, 0 to below 1.
        seed: Seed of the noise, not negative.
        protected: Symbols: a word that contains one of them is neither dropped nor masked nor
            moved, and no other word moves past it.

    Raises:
        ValueError: An argument is out of range.

    Example:
        >>> Noise(swap=1, seed=1)(["a b c d e f"], 0)
        ['a b d c e f']
        >>> Noise(drop=0.5, mask=0.5, protected=("<2de>",))(["<2de> a b c d e f"], 0).pop()[:5]
        '<2de>'

    Source: Lample et al. 2018, "Unsupervised machine translation using monolingual corpora only",
    section 2.3 (difference: masked words, as in OpenNMT-tf).
    """

    drop: float = 0.0
    swap: int = 0
    mask: float = 0.0
    seed: int = 0
    protected: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("drop", "mask"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise ValueError(
                    f"`{name}` must be a probability below 1. Received: {name}={value!r}"
                )
        for name in ("swap", "seed"):
            value = getattr(self, name)
            if not value >= 0:
                raise ValueError(f"`{name}` must be at least 0. Received: {name}={value!r}")

    @property
    def changes(self) -> bool:
        """Whether it changes anything."""
        return bool(self.drop or self.swap or self.mask)

    def __call__(self, texts: Sequence[str], number: int) -> list[str]:
        """The texts with noise.

        Args:
            texts: The texts.
            number: Number of the epoch, or another one that no two calls share. The same texts and
                the same number give the same result.

        Returns:
            As many texts, their words separated by single blanks.
        """
        split = [text.split() for text in texts]
        counts = np.fromiter(map(len, split), np.int64, len(split))
        found = [word for words in split for word in words]
        words = np.array(found, object)  # [words]
        is_kept = self._protected(found)
        rows = np.repeat(np.arange(len(split)), counts)
        random = np.random.default_rng([self.seed, number, _STREAM])
        if self.drop:
            left = ~_chosen(random.random(len(words)), self.drop, rows, is_kept)
            words, is_kept, rows = words[left], is_kept[left], rows[left]
        if self.mask:
            words[_chosen(random.random(len(words)), self.mask, rows, is_kept)] = MASK
        if self.swap:
            words = words[_moved(random.random(len(words)), self.swap, rows, is_kept)]
        ends = np.cumsum(np.bincount(rows, minlength=len(split))).tolist()
        result = words.tolist()
        return [" ".join(result[a:b]) for a, b in zip([0, *ends], ends, strict=False)]

    def check(self, tokenizer: Tokenizer) -> None:
        """Raise ValueError if a tokenizer does not read the mask as the unknown token."""
        if self.mask and UNK_ID not in tokenizer.encode(MASK):
            raise ValueError(
                "A masked word is U+E000, which must be unknown to the tokenizer of the source. "
                f"Received: mask={self.mask} with one that knows it. Drop words instead of masking "
                "them, or train a tokenizer without this character and without bytes."
            )

    def _protected(self, words: list[str]) -> np.ndarray:
        if not self.protected:
            return np.zeros(len(words), bool)
        pattern = re.compile(pattern_of(self.protected))
        found = {word for word in set(words) if pattern.search(word)}
        return np.fromiter((word in found for word in words), bool, len(words))


def _chosen(
    draws: np.ndarray, probability: float, rows: np.ndarray, is_kept: np.ndarray
) -> np.ndarray:
    """Which words are chosen, bool `[words]`: in each row all but at least one of the free ones."""
    draws = np.where(is_kept, -1.0, draws)
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    largest = np.maximum.reduceat(draws, starts) if len(starts) else draws
    of_row = np.repeat(largest, np.diff(starts, append=len(rows)))
    return ~is_kept & (draws < np.minimum(probability, of_row))


def _moved(draws: np.ndarray, swap: int, rows: np.ndarray, is_kept: np.ndarray) -> np.ndarray:
    """The new order of the words, int64 `[words]`: indices of what comes to each position."""
    # A kept word is a part of its own, and so are the words before it, between two, and after it.
    is_first = (np.diff(rows, prepend=-1) > 0) | is_kept
    is_first[1:] |= is_kept[:-1]
    parts = np.cumsum(is_first)
    # The numbers of different parts do not overlap. Rounding can make two of them equal, those of i
    # and of i + swap + 1; a stable order keeps even these within the bound.
    numbers = np.arange(len(draws)) + (swap + 1) * (parts + draws)
    return np.argsort(numbers, kind="stable")

"""Samples segmentations of text under a unigram model, reproducibly from a seed."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from random import Random

from keras_s2s.special_ids import SPECIAL_PIECES, UNK_ID
from keras_s2s.text.protected import around_symbols

BLANK = "\u2581"  # SentencePiece's space.
# As in SentencePiece: the score of an unknown character is this much below the lowest score.
UNKNOWN_PENALTY = 10.0
LONGEST_KEPT, MOST_KEPT = 20, 2**15  # Cache: words of up to 20 characters, about 80 MB.

# For each position: the cumulative weights of the tokens that can end there, their start positions
# and their ids.
Table = list[tuple[list[float], list[int], list[int]]]


class UnigramSampler:
    """Samples a segmentation in proportion to its probability to the power of `alpha`.

    SentencePiece's own sampling cannot be reproduced from a seed in another process.

    Args:
        pieces: The token of each id; the first four are special.
        scores: Their log-probabilities.
        alpha: 0 makes all segmentations equally likely; larger values favor the best one.

    Example:
        >>> sampler = UnigramSampler(["", "", "", "", "▁a", "▁", "a", "b"], [0.0] * 8, 1.0)
        >>> sampler.sample("▁ac▁b", Random(0)), sampler.sample("▁ac▁b", Random(1))
        ([5, 6, 1, 5, 7], [4, 1, 5, 7])

    Source: Kudo 2018, "Subword Regularization", section 3.3, by forward filtering and backward
    sampling.
    """

    def __init__(self, pieces: Sequence[str], scores: Sequence[float], alpha: float) -> None:
        first = len(SPECIAL_PIECES)
        self.alpha = alpha
        self._ids = {piece: index for index, piece in enumerate(pieces[first:], first)}
        self._weights = [alpha * score for score in scores]
        self._weights[UNK_ID] = alpha * (min(scores[first:]) - UNKNOWN_PENALTY)
        self._longest = max(map(len, self._ids))
        # Without tokens that cross a space, a word has the same segmentations in every sentence.
        self._is_by_words = all(BLANK not in piece[1:] for piece in self._ids)
        self._kept = lru_cache(MOST_KEPT)(self._table)

    def sample(self, text: str, random: Random) -> list[int]:
        """Samples the ids of a text.

        Args:
            text: Text as normalized by SentencePiece; what `protected.enclose` marked is one id.
            random: The random number generator.

        Returns:
            The ids; a run of unknown characters is one id.
        """
        ids: list[int] = []
        for number, part in enumerate(around_symbols(text)):
            if number % 2:
                ids.append(self._ids[part])
                continue
            for word in self._words(part):
                table = self._kept(word) if len(word) <= LONGEST_KEPT else self._table(word)
                ids += _drawn(table, random)
        return [i for n, i in enumerate(ids) if i != UNK_ID or ids[n - 1 : n] != [i]]

    def _words(self, text: str) -> list[str]:
        if not self._is_by_words:
            return [text]
        head, *words = text.split(BLANK)
        return [*([head] if head else []), *(BLANK + word for word in words)]

    def _table(self, word: str) -> Table:
        """The tokens that can end at each position of a word, with their forward weights."""
        forward = [0.0]  # Log-sums over all segmentations of each prefix.
        table: Table = [([], [], [])]
        for end in range(1, len(word) + 1):
            first = max(0, end - self._longest)
            found = [(start, self._ids.get(word[start:end])) for start in range(first, end)]
            ends = [(start, index) for start, index in found if index is not None]
            if not ends or ends[-1][0] != end - 1:
                ends.append((end - 1, UNK_ID))
            logs = [forward[start] + self._weights[index] for start, index in ends]
            largest, total, sums = max(logs), 0.0, []
            for value in logs:
                total += math.exp(value - largest)
                sums.append(total)
            forward.append(largest + math.log(total))
            table.append((sums, [start for start, _ in ends], [index for _, index in ends]))
        return table


def _drawn(table: Table, random: Random) -> list[int]:
    """The ids of one segmentation, sampled backward from the end."""
    ids: list[int] = []
    end = len(table) - 1
    while end:
        sums, starts, indices = table[end]
        choice = bisect_left(sums, random.random() * sums[-1]) if len(sums) > 1 else 0
        ids.append(indices[choice])
        end = starts[choice]
    return ids[::-1]

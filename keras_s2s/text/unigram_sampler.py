"""Draws at random how text is cut into the pieces of a unigram model, by a seed alone."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from random import Random

from keras_s2s.special_ids import SPECIAL_PIECES, UNK_ID

BLANK = "\u2581"  # How SentencePiece writes a blank.
UNKNOWN_PENALTY = (
    10.0  # SentencePiece's: an unknown character scores so much below the worst piece.
)
LONGEST_KEPT, MOST_KEPT = 20, 2**15  # Of words: 20 characters, some 80 MB.

# For each end of a piece: the running sums of the weights of those that can end there, where each
# of them starts, and its id.
Table = list[tuple[list[float], list[int], list[int]]]


class UnigramSampler:
    """Draws a segmentation with its probability to the power of `alpha`.

    SentencePiece's own draw takes its random numbers from the process: the same seed draws
    otherwise in the next one.

    Args:
        pieces: What the ids stand for; the first four are special.
        scores: Their logarithmic probabilities.
        alpha: 0 finds all segmentations equally likely; the larger, the closer to the best.

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
        # Where no piece goes on behind a blank, a word is cut the same way in every sentence.
        self._is_by_words = all(BLANK not in piece[1:] for piece in self._ids)
        self._kept = lru_cache(MOST_KEPT)(self._table)

    def sample(self, text: str, random: Random) -> list[int]:
        """Draws the ids of a text.

        Args:
            text: As SentencePiece has normalized it.
            random: Where the numbers come from.

        Returns:
            The ids; a run of unknown characters is one.
        """
        ids: list[int] = []
        for word in self._words(text):
            table = self._kept(word) if len(word) <= LONGEST_KEPT else self._table(word)
            ids += _drawn(table, random)
        return [i for place, i in enumerate(ids) if i != UNK_ID or ids[place - 1 : place] != [i]]

    def _words(self, text: str) -> list[str]:
        if not self._is_by_words:
            return [text]
        head, *words = text.split(BLANK)
        return [*([head] if head else []), *(BLANK + word for word in words)]

    def _table(self, word: str) -> Table:
        """What can end at each place of a word, with the weight of all that leads there."""
        forward = [0.0]  # Logarithms of sums over all ways to cut the beginning.
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
    """The ids of one segmentation, drawn from the end."""
    ids: list[int] = []
    end = len(table) - 1
    while end:
        sums, starts, indices = table[end]
        choice = bisect_left(sums, random.random() * sums[-1]) if len(sums) > 1 else 0
        ids.append(indices[choice])
        end = starts[choice]
    return ids[::-1]

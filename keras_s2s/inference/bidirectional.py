"""Models of both directions of the target that translate together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from keras_s2s.inference.forced import force_batches
from keras_s2s.inference.forced_protocol import ForcedBackend
from keras_s2s.inference.parts import checked_translators
from keras_s2s.inference.pipeline_translator import PipelineTranslator
from keras_s2s.inference.right_to_left import check_no_prefixes, check_unconstrained
from keras_s2s.inference.translation import Hypothesis
from keras_s2s.inference.translator import Translator
from keras_s2s.search.sample_strategy import Sample
from keras_s2s.search.strategies import Beam, Strategy, beam_size_of
from keras_s2s.special_ids import END_ID

if TYPE_CHECKING:
    from keras_s2s.inference.protocol import SearchBackend

BATCH_SIZE = 64  # Hypotheses that are scored together.


def decode_together(translators: Iterable[Translator]) -> Translator | BidirectionalTranslator:
    """An ensemble of translators; where they have both directions, a `BidirectionalTranslator`.

    Args:
        translators: As for `Translator.ensemble`.

    Raises:
        TypeError, ValueError: As `Translator.ensemble`.
    """
    several = checked_translators(translators, Translator, any_direction=True)
    groups = (
        [one for one in several if one.reverse_target is reverse] for reverse in (False, True)
    )
    found = [Translator.ensemble(group) for group in groups if group]
    return found[0] if len(found) == 1 else BidirectionalTranslator(*found)


class BidirectionalTranslator(PipelineTranslator):
    """Translates with models of both directions: each finds hypotheses, all score them.

    The hypotheses Y of both searches are ordered by ::

        (log P(Y, left to right) + log P(Y, right to left)) / 2 / ((5 + |Y|) / 6) ** length_penalty

    Args:
        forward: A translator, an ensemble too, that predicts targets from left to right.
        backward: One with the same tokenizers that predicts them from right to left.

    Example:
        >>> from keras_s2s import Decoder, Encoder, Seq2Seq, Translator, WordTokenizer
        >>> words = WordTokenizer.train(["a b c"])
        >>> forward, backward = (
        ...     Translator(Seq2Seq(Encoder(7, 4), Decoder(7, 4)), words, words, reverse_target=one)
        ...     for one in (False, True)
        ... )
        >>> both = BidirectionalTranslator(forward, backward)
        >>> len(both.translate(["a b", "c"], maximum_length=5))
        2

    Raises:
        TypeError: One is no `Translator`.
        ValueError: Their tokenizers differ, or they do not predict in these directions.

    Source: Liu et al. 2016, "Agreement on Target-bidirectional Neural Machine Translation", section
    3 (joint scores of the hypotheses of both k-best lists); length: Wu et al. 2016, eq. 14.
    """

    def __init__(self, forward: Translator, backward: Translator) -> None:
        checked_translators([forward, backward], Translator, any_direction=True)
        if forward.reverse_target or not backward.reverse_target:
            raise ValueError(
                "The first translator predicts targets from left to right, the second from right "
                f"to left. Received: reverse_target={forward.reverse_target} and "
                f"{backward.reverse_target}. Give one of each, in this order."
            )
        self.forward, self.backward = forward, backward
        self.source_tokenizer = forward.source_tokenizer
        self.target_tokenizer = forward.target_tokenizer
        self.search = forward.search
        self.maximum_source_length = forward.maximum_source_length
        self._scorers: list[ForcedBackend] = []  # Made when they are needed: they hold graphs.

    def __reduce__(self) -> tuple[type, tuple[Translator, Translator]]:
        """What a copy in another process is made of."""
        return type(self), (self.forward, self.backward)

    def search_backend(self) -> BidirectionalBackend:
        """The search, with the weights as they are now."""
        both = self.forward, self.backward
        self._scorers = self._scorers or [one.forced_backend() for one in both]
        return BidirectionalBackend([one.search_backend() for one in both], self._scorers)

    def forced_backend(self) -> ForcedBackend:
        """Raises ValueError: the probability of a token depends on the direction."""
        raise ValueError(
            "The probability and the attention weights of a token depend on the direction in which "
            "targets are predicted. Received: models of both directions. Use those of one."
        )


class BidirectionalBackend:
    """The search of a `BidirectionalTranslator`, see `SearchBackend`.

    Args:
        searches: What finds hypotheses.
        scorers: What scores those of all searches; the scores are averaged.
    """

    maximum_batch_size = None

    def __init__(self, searches: Sequence[SearchBackend], scorers: Sequence[ForcedBackend]) -> None:
        self._searches, self._scorers = searches, scorers
        self.has_attention = all(one.has_attention for one in searches)

    def check(self, search: Strategy) -> None:
        """Raise ValueError for what only one direction can do."""
        check_unconstrained(search)
        is_covered = isinstance(search, Beam) and search.coverage_penalty
        if isinstance(search, Sample) or is_covered:
            raise ValueError(
                "Models of both directions decode by greedy or beam search, without coverage "
                f"penalty. Received: search={search!r}. Use models of one direction."
            )

    def find(
        self,
        sources: list[list[int]],
        limits: np.ndarray,
        positions: np.ndarray,
        search: Strategy,
        n_best: int,
        attention: bool,
        prefixes: list[list[int]] | None = None,
    ) -> Iterator[list[Hypothesis]]:
        """Decode a batch, see `SearchBackend`."""
        check_no_prefixes(prefixes)
        if attention:
            raise ValueError(
                "Models of both directions have no common attention weights, which are also needed "
                "to replace unknown words. Use models of one direction. Received: attention=True"
            )
        size = beam_size_of(search)
        given = (sources, limits, positions, search, size, False)
        found = zip(*(one.find(*given) for one in self._searches), strict=True)
        candidates = [_distinct(lists) for lists in found]
        rows = [row for row, some in enumerate(candidates) for _ in some]
        targets = [ids for some in candidates for ids in some]
        logs = self._log_probabilities([sources[row] for row in rows], targets)
        penalty = search.length_penalty if isinstance(search, Beam) else 0.0
        scored: list[list[Hypothesis]] = [[] for _ in sources]
        for row, ids, log in zip(rows, targets, logs, strict=True):
            score = log / ((5 + len(ids)) / 6) ** penalty
            scored[row].append(Hypothesis(score, log, ids, None))
        for some in scored:
            yield sorted(some, key=lambda one: -one.score)[:n_best]

    def _log_probabilities(self, sources: list[list[int]], targets: list[list[int]]) -> list[float]:
        """The mean over the scorers for each pair."""
        sums = [
            [
                float(one.log_probabilities.sum())
                for one in force_batches(scorer, sources, targets, False, BATCH_SIZE)
            ]
            for scorer in self._scorers
        ]
        return np.mean(sums, axis=0).tolist()


def _distinct(lists: Sequence[list[Hypothesis]]) -> list[list[int]]:
    """The ids of hypotheses, each once, with an end mark where they were cut off."""
    all_ids = (one.ids for one in chain.from_iterable(lists))
    ended = (ids if ids[-1:] == [END_ID] else [*ids, END_ID] for ids in all_ids)
    return [list(ids) for ids in dict.fromkeys(map(tuple, ended))]

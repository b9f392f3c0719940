"""Models that predict targets from right to left: alone, and together with the usual ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_s2s.inference.forced import force_batches
from keras_s2s.inference.forced_protocol import ForcedBackend, ForcedTarget
from keras_s2s.inference.pipeline_translator import PipelineTranslator
from keras_s2s.inference.translation import Hypothesis
from keras_s2s.search.constraints import Constraints
from keras_s2s.search.sample_strategy import Sample
from keras_s2s.search.strategies import Beam, Strategy, beam_size_of
from keras_s2s.special_ids import END_ID

if TYPE_CHECKING:
    from keras_s2s.inference.protocol import SearchBackend
    from keras_s2s.inference.translator import Translator

BATCH_SIZE = 64  # Hypotheses that are scored together.


def opposite_order(ids: Sequence[int]) -> list[int]:
    """The positions of ids in the opposite order; an end mark stays the last.

    Example:
        >>> opposite_order([7, 8, 9, END_ID]), opposite_order([7, 8, 9])
        ([2, 1, 0, 3], [2, 1, 0])
    """
    count = len(ids)
    is_ended = count > 0 and ids[-1] == END_ID
    return [*range(count - 1 - is_ended, -1, -1), *([count - 1] if is_ended else [])]


class ReversedBackend:
    """A search whose hypotheses are turned around, see `SearchBackend`.

    Args:
        backend: That of a model which predicts targets from right to left.
    """

    maximum_batch_size = None

    def __init__(self, backend: SearchBackend) -> None:
        self._backend = backend
        self.has_attention = backend.has_attention

    def check(self, search: Strategy) -> None:
        """Raise ValueError for constraints, which are those of a target from left to right."""
        _check_unconstrained(search)

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
        _check_no_prefixes(prefixes)
        for found in self._backend.find(sources, limits, positions, search, n_best, attention):
            yield [_turned(one) for one in found]


def _turned(found: Hypothesis) -> Hypothesis:
    order, weights = opposite_order(found.ids), found.attention
    ids = [found.ids[position] for position in order]
    return found._replace(ids=ids, attention=None if weights is None else weights[order])


class ReversedForced:
    """Reads targets from right to left, see `ForcedBackend`.

    Args:
        backend: That of a model which predicts targets from right to left.
    """

    def __init__(self, backend: ForcedBackend) -> None:
        self._backend = backend
        self.has_attention = backend.has_attention

    def force(
        self, sources: list[list[int]], targets: list[list[int]], attention: bool
    ) -> Iterator[ForcedTarget]:
        """Compute a batch, see `ForcedBackend`."""
        orders = [opposite_order(ids) for ids in targets]
        turned = [[ids[one] for one in order] for ids, order in zip(targets, orders, strict=True)]
        found = self._backend.force(sources, turned, attention)
        for order, (logs, weights) in zip(orders, found, strict=True):
            yield ForcedTarget(logs[order], None if weights is None else weights[order])


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
        >>> both = Translator.ensemble([forward, backward])
        >>> type(both).__name__, len(both.translate(["a b", "c"], maximum_length=5))
        ('BidirectionalTranslator', 2)

    Source: Liu et al. 2016, "Agreement on Target-bidirectional Neural Machine Translation", section
    3 (joint scores of the hypotheses of both k-best lists); length: Wu et al. 2016, eq. 14.
    """

    def __init__(self, forward: Translator, backward: Translator) -> None:
        self.forward, self.backward = forward, backward
        self.source_tokenizer = forward.source_tokenizer
        self.target_tokenizer = forward.target_tokenizer
        self.search = forward.search
        self.maximum_source_length = forward.maximum_source_length

    def search_backend(self) -> BidirectionalBackend:
        """The search, with the weights as they are now."""
        both = self.forward, self.backward
        return BidirectionalBackend(
            [one.search_backend() for one in both], [one.forced_backend() for one in both]
        )

    def forced_backend(self) -> ForcedBackend:
        """Raises ValueError: the probability of a token depends on the direction."""
        raise ValueError(
            "The probability and the attention of a token depend on the direction in which a "
            "target is predicted. Received: models of both directions. Take those of one."
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
        _check_unconstrained(search)
        is_covered = isinstance(search, Beam) and search.coverage_penalty
        if isinstance(search, Sample) or is_covered:
            raise ValueError(
                "Models of both directions search for the most probable translations, without "
                f"coverage penalty. Received: search={search!r}. Take models of one direction."
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
        _check_no_prefixes(prefixes)
        if attention:
            raise ValueError(
                "The attention weights of a hypothesis depend on the direction. Received: "
                "attention or unknown words to replace, with models of both directions. Take "
                "models of one direction."
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
    ids = ((*one.ids, END_ID) if one.ids[-1:] != [END_ID] else (*one.ids,) for one in _chain(lists))
    return [list(one) for one in dict.fromkeys(ids)]


def _chain(lists: Sequence[list[Hypothesis]]) -> Iterator[Hypothesis]:
    for some in lists:
        yield from some


def _check_unconstrained(search: Any) -> None:
    if search.constraints != Constraints():
        raise ValueError(
            "Constraints are those of targets that are predicted from left to right. Received: "
            f"constraints={search.constraints!r} with a right-to-left model. Leave them out, or "
            "take models that predict from left to right."
        )


def _check_no_prefixes(prefixes: Any) -> None:
    if prefixes is not None:
        raise ValueError(
            "A prefix is continued from left to right. Received: prefixes with a right-to-left "
            "model. Leave them out, or take models that predict from left to right."
        )

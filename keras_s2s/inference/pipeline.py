"""The way from texts to translations, the same for trained and exported models.

Texts are read a window at a time, tokenized, sorted by length, decoded in batches and returned in
order. What decodes a batch is a `SearchBackend`. Neither Keras nor TensorFlow is imported here.
"""

from __future__ import annotations

import itertools
import sys
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from keras_s2s.inference.limits import DEFAULT_LIMIT, LengthLimit
from keras_s2s.inference.translation import Hypothesis, Translation
from keras_s2s.inference.unknown import UnknownWords
from keras_s2s.search.strategies import Strategy, beam_size_of
from keras_s2s.special_ids import END_ID
from keras_s2s.text.normalization import without_surrogates
from keras_s2s.text.tokenizer import Tokenizer

# Source tokens, padding included, that are encoded together: long texts go in small batches.
SOURCE_CELLS = 16_384
# Attention weights that a search may hold: a quarter of a gigabyte.
WEIGHT_CELLS = 2**26


class SearchBackend(Protocol):
    """What decodes source ids: a model in a graph, or an export in its runtime."""

    @property
    def has_attention(self) -> bool:
        """Whether there are attention weights to return."""
        ...

    @property
    def maximum_batch_size(self) -> int | None:
        """The most sources that are worth decoding together; `None` for any number."""
        ...

    def check(self, search: Strategy) -> None:
        """Raise ValueError for a search that the backend does not have."""
        ...

    def find(
        self,
        sources: list[list[int]],
        limits: np.ndarray,
        positions: np.ndarray,
        search: Strategy,
        n_best: int,
        attention: bool,
    ) -> Iterable[list[Hypothesis]]:
        """Decode a batch.

        Args:
            sources: Ids of each source, end mark included.
            limits: Longest hypothesis of each in tokens, end mark included.
            positions: Of each text in the stream, from 0; they tell samples of equal texts apart.
            search: The strategy.
            n_best: The most hypotheses for each source.
            attention: Whether attention weights are needed.

        Returns:
            For each source at least one hypothesis, the best first.
        """
        ...


@dataclass(frozen=True)
class TextPipeline:
    """How a stream of texts is translated; the fields are those of `TextTranslator.stream`.

    Attributes:
        unknown: What replaces unknown words; it needs attention weights.
        default_limit: The longest translation where `maximum_length` is `None`.
    """

    backend: SearchBackend
    source_tokenizer: Tokenizer
    target_tokenizer: Tokenizer
    search: Strategy
    n_best: int
    maximum_source_length: int
    maximum_length: int | None
    batch_size: int
    window: int
    progress: bool
    attention: bool = False
    unknown: UnknownWords | None = None
    strict: bool = False
    default_limit: LengthLimit = DEFAULT_LIMIT

    def run(self, texts: Iterable[str]) -> Iterator[list[Translation]]:
        """The translations of each text, in order."""
        most = self.backend.maximum_batch_size
        batch_size = self.batch_size if most is None else min(self.batch_size, most)
        # A window is there to fill batches: one by one, texts need not wait for each other.
        size = 1 if batch_size == 1 else self.window
        rest = iter(texts)
        first = 0
        try:
            while window := list(itertools.islice(rest, size)):
                yield from self._translate_window(window, first, batch_size)
                first += len(window)
        finally:
            if self.progress and first:
                print(file=sys.stderr)

    def _translate_window(
        self, given: list[str], first: int, batch_size: int
    ) -> list[list[Translation]]:
        for number, text in enumerate(given, first + 1):
            if not isinstance(text, str):
                raise TypeError(f"Text {number} must be a string. Received: {text!r}")
        texts = list(map(without_surrogates, given))
        sources = self._encode(texts, first)
        lengths = np.array([len(ids) for ids in sources])
        limits = self.default_limit.tokens(lengths)
        if self.maximum_length is not None:
            limits = np.full_like(lengths, self.maximum_length)
        translations = [[Translation("", 0.0, 0.0, [], [], None)] for _ in texts]
        done = first + len(texts) - np.count_nonzero(lengths)
        self._report(done)
        for rows in self._batches(lengths, limits, batch_size):
            found = self.backend.find(
                [sources[row] for row in rows],
                limits[rows],
                first + rows,
                self.search,
                self.n_best,
                self._needs_weights,
            )
            for row, hypotheses in zip(rows, found, strict=True):
                translations[row] = self._translations(texts[row], sources[row], hypotheses)
            done += len(rows)
            self._report(done)
        return translations

    @property
    def _needs_weights(self) -> bool:
        return self.attention or self.unknown is not None

    def _report(self, done: int) -> None:
        if self.progress:
            print(f"\r{done:,} sentences", end="", file=sys.stderr, flush=True)

    def _encode(self, texts: list[str], first: int) -> list[list[int]]:
        """Ids with end mark, cut at the limit; `[]` for a text without tokens."""
        sources = self.source_tokenizer.encode_all(texts)
        limit = self.maximum_source_length
        long = [number for number, ids in enumerate(sources, first + 1) if len(ids) >= limit]
        if long and self.strict:
            count = len(sources[long[0] - first - 1]) + 1
            raise ValueError(
                f"Text {long[0]} must have at most {limit:,} tokens, end mark included. Received: "
                f"{count:,} tokens. Shorten it, or have it cut, without `strict`."
            )
        if long:
            which = f"Text {long[0]} was"
            if len(long) > 1:
                which = f"{len(long)} of the texts, the first of them text {long[0]}, were"
            message = f"{which} cut to {limit} tokens, end mark included."
            warnings.warn(message, stacklevel=2)
        return [[*ids[: limit - 1], END_ID] if ids else [] for ids in sources]

    def _batches(
        self, lengths: np.ndarray, limits: np.ndarray, batch_size: int
    ) -> Iterator[np.ndarray]:
        """Rows of similar length, the longest first; those of length 0 are left out."""
        order = np.argsort(-lengths, kind="stable")[: np.count_nonzero(lengths)]
        start = 0
        while start < len(order):
            longest = order[start]
            room = SOURCE_CELLS // lengths[longest]
            if self._needs_weights:
                cells = beam_size_of(self.search) * lengths[longest] * limits[longest]
                room = min(room, WEIGHT_CELLS // cells)
            count = max(1, min(batch_size, int(room)))
            yield order[start : start + count]
            start += count

    def _translations(
        self, text: str, source: list[int], hypotheses: list[Hypothesis]
    ) -> list[Translation]:
        source_pieces = self.source_tokenizer.pieces(source)
        return [
            Translation(
                text=self._text(text, found),
                score=found.score,
                log_probability=found.log_probability,
                source_pieces=source_pieces,
                target_pieces=self.target_tokenizer.pieces(found.ids),
                # A copy, or the padding of the whole batch would live on with it.
                weights=found.attention.copy()
                if self.attention and found.attention is not None
                else None,
            )
            for found in hypotheses
        ]

    def _text(self, source: str, found: Hypothesis) -> str:
        if self.unknown is None or found.attention is None:
            return self.target_tokenizer.decode(found.ids)
        return self.unknown.text(source, found.ids, found.attention)

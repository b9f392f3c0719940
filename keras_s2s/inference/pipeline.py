"""The way from texts to translations, the same for trained and exported models.

Texts are read a window at a time, tokenized, sorted by length, decoded in batches and returned in
order. What decodes a batch is a `SearchBackend`. Neither Keras nor TensorFlow is imported here.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from keras_s2s.inference.checks import check_lengths, check_strings
from keras_s2s.inference.length_batches import batches_by_length, windows
from keras_s2s.inference.limits import LengthLimit
from keras_s2s.inference.translation import Hypothesis, Translation
from keras_s2s.inference.unknown import UnknownWords
from keras_s2s.search.strategies import Strategy, beam_size_of
from keras_s2s.special_ids import END_ID
from keras_s2s.text.normalization import without_surrogates
from keras_s2s.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from keras_s2s.inference.prefixes import PrefixedTexts
    from keras_s2s.inference.protocol import SearchBackend


@dataclass(frozen=True)
class TextPipeline:
    """How a stream of texts is translated; the fields are those of `TextTranslator.stream`.

    Attributes:
        unknown: What replaces unknown words; it needs attention weights.
        prefixes: The texts of the stream beside their prefixes.
    """

    backend: SearchBackend
    source_tokenizer: Tokenizer
    target_tokenizer: Tokenizer
    search: Strategy
    n_best: int
    maximum_source_length: int
    limit: LengthLimit
    batch_size: int
    window: int
    progress: bool
    attention: bool = False
    unknown: UnknownWords | None = None
    strict: bool = False
    prefixes: PrefixedTexts | None = None

    def run(self, texts: Iterable[str]) -> Iterator[list[Translation]]:
        """The translations of each text, in order."""
        most = self.backend.maximum_batch_size
        batch_size = self.batch_size if most is None else min(self.batch_size, most)
        # A window is there to fill batches: one by one, texts need not wait for each other.
        size = 1 if batch_size == 1 else self.window
        first = 0
        try:
            for window in windows(texts, size):
                yield from self._translate_window(window, first, batch_size)
                first += len(window)
        finally:
            if self.progress and first:
                print(file=sys.stderr)

    def _translate_window(
        self, given: list[str], first: int, batch_size: int
    ) -> list[list[Translation]]:
        check_strings(given, first)
        texts = list(map(without_surrogates, given))
        sources = self._encode(texts, first)
        lengths = np.array([len(ids) for ids in sources])
        least = self.search.constraints.minimum_length
        limits = np.maximum(self.limit.tokens(lengths), least)
        prefixes = self.prefixes and self.prefixes.take(lengths, limits, first)
        translations = [[Translation("", 0.0, 0.0, [], [], None)] for _ in texts]
        done = first + len(texts) - np.count_nonzero(lengths)
        self._report(done)
        needs_weights = self.attention or self.unknown is not None
        weight_beams = beam_size_of(self.search) if needs_weights else 0
        for rows in batches_by_length(lengths, limits, batch_size, weight_beams):
            found = self.backend.find(
                [sources[row] for row in rows],
                limits[rows],
                first + rows,
                self.search,
                self.n_best,
                needs_weights,
                prefixes and [prefixes[row] for row in rows],
            )
            for row, hypotheses in zip(rows, found, strict=True):
                translations[row] = self._translations(texts[row], sources[row], hypotheses)
            done += len(rows)
            self._report(done)
        return translations

    def _report(self, done: int) -> None:
        if self.progress:
            print(f"\r{done:,} sentences", end="", file=sys.stderr, flush=True)

    def _encode(self, texts: list[str], first: int) -> list[list[int]]:
        """Ids with end mark, cut at the limit; `[]` for a text without tokens."""
        sources = self.source_tokenizer.encode_all(texts)
        limit = self.maximum_source_length
        check_lengths(sources, limit, first, self.strict)
        return [[*ids[: limit - 1], END_ID] if ids else [] for ids in sources]

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

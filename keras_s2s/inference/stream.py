"""A stream of texts, searched a window at a time: sorted by length inside, answered in order."""

from __future__ import annotations

import itertools
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from keras import backend, ops

from keras_s2s.inference.model_search import SearchRequest, run_search
from keras_s2s.inference.translation import Translation, too_long
from keras_s2s.inference.unknown import UnknownWords
from keras_s2s.search.search import SearchResult
from keras_s2s.search.structure import flatten, pack
from keras_s2s.special_ids import END_ID, PAD_ID
from keras_s2s.text.normalization import without_surrogates
from keras_s2s.text.tokenizers import Tokenizer

# Source tokens, padding included, that are encoded together: long texts go in small batches.
SOURCE_CELLS = 16_384
# Attention weights that a search may hold: a quarter of a gigabyte.
WEIGHT_CELLS = 2**26


class ModelSearch:
    """The searches of one model, each made into a graph when it is first asked for.

    Args:
        model: A `Seq2Seq`, or an `Ensemble`.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self._searches: dict[SearchRequest, Callable[..., SearchResult]] = {}

    def with_kernels(self) -> Callable[..., list[np.ndarray | None]]:
        """The search with the weights as they are now, made ready once for many batches."""
        return partial(self, weights=self.model.decoder.step_weights())

    def __call__(
        self,
        source: np.ndarray,
        limits: np.ndarray,
        row_ids: np.ndarray,
        request: SearchRequest,
        *,
        weights: Any,
    ) -> list[np.ndarray | None]:
        """Search for a batch; the arguments are those of `run_search`.

        Returns:
            The fields of a `SearchResult` as arrays.
        """
        seed = 0
        if request.sampling is not None:  # Another seed needs no other graph.
            seed = request.sampling.seed
            request = request._replace(sampling=request.sampling._replace(seed=0))
        if request not in self._searches:
            self._searches[request] = self._make(request, weights)
        found = self._searches[request](
            source.astype("int32"),
            limits.astype("int32"),
            (row_ids % 2**31).astype("int32"),
            np.int64(seed),
            flatten(weights),
        )
        return [None if part is None else ops.convert_to_numpy(part) for part in found]

    def _make(self, request: SearchRequest, weights: Any) -> Callable[..., SearchResult]:
        def search(source: Any, limits: Any, row_ids: Any, seed: Any, flat: Any) -> SearchResult:
            options = {**request._asdict(), "row_ids": row_ids, "weights": pack(weights, flat)}
            if request.sampling is not None:
                options["sampling"] = request.sampling._replace(seed=seed)
            return run_search(self.model, source, limits, **options)

        if backend.backend() != "tensorflow":
            return search
        import tensorflow as tf

        matrix, vector, scalar = ([None] * rank for rank in (2, 1, 0))
        signature = [
            tf.TensorSpec(matrix, tf.int32),
            tf.TensorSpec(vector, tf.int32),
            tf.TensorSpec(vector, tf.int32),
            tf.TensorSpec(scalar, tf.int64),
            [tf.TensorSpec(value.shape, value.dtype) for value in flatten(weights)],
        ]
        return tf.function(search, input_signature=signature, autograph=False)


@dataclass(frozen=True)
class TextSearch:
    """What a stream of texts is translated with; the fields are those of `Translator.stream`.

    With `unknown`, which puts texts together, the request must ask for weights.
    """

    search: Callable[..., list[np.ndarray | None]]
    source_tokenizer: Tokenizer
    target_tokenizer: Tokenizer
    request: SearchRequest
    maximum_source_length: int
    maximum_length: int | None
    batch_size: int
    window: int
    progress: bool
    attention: bool = False
    unknown: UnknownWords | None = None
    strict: bool = False

    def run(self, texts: Iterable[str]) -> Iterator[list[Translation]]:
        """The answers to each text, in order."""
        rest = iter(texts)
        first = 0
        try:
            while window := list(itertools.islice(rest, self.window)):
                yield from self._answer_window(window, first)
                first += len(window)
        finally:
            if self.progress and first:
                print(file=sys.stderr)

    def _answer_window(self, given: list[str], first: int) -> list[list[Translation]]:
        for number, text in enumerate(given, first + 1):
            if not isinstance(text, str):
                raise TypeError(f"Text {number} must be a string. Received: {text!r}")
        texts = list(map(without_surrogates, given))
        sources = self._encode(texts, first)
        lengths = np.array([len(ids) for ids in sources])
        limits = 3 * lengths + 20
        if self.maximum_length is not None:
            limits = np.full_like(lengths, self.maximum_length)
        answers = [[Translation("", 0.0, 0.0, [], [], None)] for _ in texts]
        done = first + len(texts) - np.count_nonzero(lengths)
        for rows in self._batches(lengths, limits):
            found = self._search([sources[row] for row in rows], limits[rows], first + rows)
            for row, result in zip(rows, found, strict=True):
                answers[row] = self._translations(texts[row], sources[row], result)
            done += len(rows)
            if self.progress:
                print(f"\r{done:,} sentences", end="", file=sys.stderr, flush=True)
        return answers

    def _encode(self, texts: list[str], first: int) -> list[list[int]]:
        """Ids with end mark, cut at the limit; `[]` for a text without tokens."""
        sources = self.source_tokenizer.encode_all(texts)
        limit = self.maximum_source_length
        long = [number for number, ids in enumerate(sources, first + 1) if len(ids) >= limit]
        if long and self.strict:
            raise ValueError(too_long(long[0], len(sources[long[0] - first - 1]) + 1, limit))
        if long:
            warnings.warn(
                f"{len(long)} of the texts, the first of them text {long[0]}, were cut to {limit} "
                "tokens, end mark included.",
                stacklevel=2,
            )
        return [[*ids[: limit - 1], END_ID] if ids else [] for ids in sources]

    def _batches(self, lengths: np.ndarray, limits: np.ndarray) -> Iterator[np.ndarray]:
        """Rows of like length, the longest first; those of length 0 are left out."""
        order = np.argsort(-lengths, kind="stable")[: np.count_nonzero(lengths)]
        start = 0
        while start < len(order):
            longest = order[start]
            room = SOURCE_CELLS // lengths[longest]
            if self.request.return_weights:
                cells = self.request.beam_size * lengths[longest] * limits[longest]
                room = min(room, WEIGHT_CELLS // cells)
            count = max(1, min(self.batch_size, int(room)))
            yield order[start : start + count]
            start += count

    def _search(
        self, sources: list[list[int]], limits: np.ndarray, places: np.ndarray
    ) -> Iterator[list[Any]]:
        """What was found for each source; their places in the stream tell them apart."""
        padded = np.full((len(sources), max(map(len, sources))), PAD_ID)
        for row, ids in enumerate(sources):
            padded[row, : len(ids)] = ids
        found = self.search(padded, limits, places, self.request)
        for row in range(len(sources)):
            yield [None if part is None else part[row] for part in found]

    def _translations(self, text: str, source: list[int], found: list[Any]) -> list[Translation]:
        """What a `SearchResult` holds for one source."""
        source_pieces = self.source_tokenizer.pieces(source)
        answers = []
        for ids, score, log_probability, length, weights in zip(
            *found[:4], [None] * len(found[0]) if found[4] is None else found[4], strict=True
        ):
            if not length:  # There were fewer hypotheses than asked for.
                continue
            target = ids[:length].tolist()
            seen = None if weights is None else weights[:length, : len(source)]
            answers.append(
                Translation(
                    text=self._text(text, target, seen),
                    score=float(score),
                    log_probability=float(log_probability),
                    source_pieces=source_pieces,
                    target_pieces=self.target_tokenizer.pieces(target),
                    # A copy, or the padding of the whole batch would live on with it.
                    weights=seen.copy() if self.attention and seen is not None else None,
                )
            )
        return answers

    def _text(self, source: str, target: list[int], weights: np.ndarray | None) -> str:
        if self.unknown is None or weights is None:
            return self.target_tokenizer.decode(target)
        return self.unknown.text(source, target, weights)

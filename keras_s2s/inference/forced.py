"""Given targets through a model, token by token (teacher forcing): probabilities and attention.

Pairs are read a window at a time, tokenized, sorted by length, computed in batches and returned in
order. What computes a batch is a `ForcedBackend`. Neither Keras nor TensorFlow is imported here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from keras_s2s.inference.checks import check_lengths
from keras_s2s.inference.forced_protocol import ForcedBackend, ForcedTarget
from keras_s2s.inference.length_batches import batches_by_length, windows
from keras_s2s.inference.protocol import TextTranslator
from keras_s2s.search.checks import check_whole
from keras_s2s.special_ids import END_ID
from keras_s2s.text.normalization import without_surrogates


class ForcedPair(NamedTuple):
    """One pair, and what a model says to it.

    Attributes:
        source: The source.
        target: The target.
        source_ids: The S ids that the model read, end mark included.
        target_ids: The T ids of the target, end mark included.
        found: Probabilities and attention weights.
    """

    source: str
    target: str
    source_ids: list[int]
    target_ids: list[int]
    found: ForcedTarget


def force(
    translator: TextTranslator,
    pairs: Iterable[tuple[str, str]],
    *,
    attention: bool = False,
    strict: bool = False,
    batch_size: int = 64,
    window: int = 4096,
) -> Iterator[ForcedPair]:
    """Read given targets with a translator's model.

    A blank side is its end mark alone. A source that is longer than the translator's limit is cut,
    as in translation. A target is never cut, unless its attention weights are asked for: then it
    has the limit of the source.

    Args:
        translator: A `Translator`, an ensemble too, or a translator of an export.
        pairs: Sources and targets, any number.
        attention: Whether to return attention weights.
        strict: Whether a side that is too long raises an error instead of being cut with a warning.
        batch_size: The most pairs that are computed together.
        window: The most pairs that are read before the first one is returned.

    Returns:
        The pairs, in order.

    Raises:
        TypeError: `translator` is none, or a pair does not consist of two strings.
        ValueError: A number is below 1, the model has no attention, or with `strict` a side is too
            long.

    Example:
        >>> from keras_s2s import CharacterTokenizer, Decoder, Encoder, Seq2Seq, Translator
        >>> tokenizer = CharacterTokenizer.train(["abc"])
        >>> model = Seq2Seq(Encoder(7, 8), Decoder(7, 8))
        >>> (pair,) = force(Translator(model, tokenizer, tokenizer), [("cab", "b")])
        >>> pair.target_ids, pair.found.log_probabilities.shape
        ([5, 3], (2,))
    """
    check_whole(1, batch_size=batch_size, window=window)
    backend = _backend_of(translator)
    if attention and not backend.has_attention:
        raise ValueError(
            "Attention weights need a model with attention. Received: a model without it. Take one "
            "that was trained with attention."
        )
    return _run(translator, backend, pairs, attention, strict, batch_size, window)


def _backend_of(translator: Any) -> ForcedBackend:
    make = getattr(translator, "forced_backend", None)
    if make is not None:
        return make()
    raise TypeError(
        "`translator` must be a keras_s2s.Translator, or the translator of an export. "
        f"Received: translator={translator!r}"
    )


def _run(
    translator: TextTranslator,
    backend: ForcedBackend,
    pairs: Iterable[tuple[str, str]],
    attention: bool,
    strict: bool,
    batch_size: int,
    window: int,
) -> Iterator[ForcedPair]:
    first = 0
    for given in windows(pairs, window):
        _check_pairs(given, first)
        texts = [[without_surrogates(pair[side]) for pair in given] for side in (0, 1)]
        sources = translator.source_tokenizer.encode_all(texts[0])
        targets = translator.target_tokenizer.encode_all(texts[1])
        limit = translator.maximum_source_length
        check_lengths(sources, limit, first, strict, "source")
        if attention or strict:
            check_lengths(targets, limit, first, strict, "target")
        sources = [[*ids[: limit - 1], END_ID] for ids in sources]
        targets = [[*(ids[: limit - 1] if attention else ids), END_ID] for ids in targets]
        found = force_batches(backend, sources, targets, attention, batch_size)
        for row in zip(*texts, sources, targets, found, strict=True):
            yield ForcedPair(*row)
        first += len(given)


def force_batches(
    backend: ForcedBackend,
    sources: list[list[int]],
    targets: list[list[int]],
    attention: bool,
    batch_size: int,
) -> list[ForcedTarget]:
    """What a backend says to each pair, in order; pairs of similar lengths share a batch.

    Args:
        backend: The backend.
        sources: Ids of each source, end mark included.
        targets: Ids of each target, end mark included.
        attention: Whether attention weights are needed.
        batch_size: The most pairs that are computed together.
    """
    target_lengths = np.array([len(ids) for ids in targets])
    lengths = np.array([len(ids) for ids in sources]) + target_lengths
    found: dict[int, ForcedTarget] = {}
    for rows in batches_by_length(lengths, target_lengths, batch_size, int(attention)):
        some = [sources[row] for row in rows], [targets[row] for row in rows]
        found |= zip(rows.tolist(), backend.force(*some, attention), strict=True)
    return [found[row] for row in range(len(sources))]


def _check_pairs(pairs: list[Any], first: int) -> None:
    for number, pair in enumerate(pairs, first + 1):
        is_pair = isinstance(pair, (tuple, list)) and len(pair) == 2
        if not is_pair or not all(isinstance(side, str) for side in pair):
            raise TypeError(f"Pair {number} must be a source and a target. Received: {pair!r}")

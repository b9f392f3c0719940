"""Checks of the arguments of encoder, decoder and attention."""

from __future__ import annotations

from typing import Any

import keras

from keras_s2s.layers.attention import Attention
from keras_s2s.layers.luong_local import ALIGNMENTS
from keras_s2s.layers.scheduled_sampling import ScheduledSampling

SCORES = ("dot", "general", "concat", "location")


def check_kind(label: str, value: Any, kind: type, words: str) -> None:
    """Raise TypeError unless a value is of a class, which `words` name."""
    if not isinstance(value, kind):
        raise TypeError(f"`{label}` must be {words}. Received: {label}={value!r}")


def check_encoder_sizes(
    vocabulary_size: int, num_layers: int, embedding_dimension: int | None
) -> None:
    """Raise ValueError if an encoder's size is too small."""
    for label, value, least in (
        ("vocabulary_size", vocabulary_size, 4),
        ("num_layers", num_layers, 1),
    ):
        if value < least:
            raise ValueError(f"`{label}` must be at least {least}. Received: {label}={value}")
    _check_embedding_dimension(embedding_dimension)


def check_directions(
    units: int, bidirectional: bool, alternating: bool, reverse_source: bool
) -> None:
    """Raise ValueError if an encoder's directions do not go together, or with its units."""
    if units < 1 or (bidirectional and units % 2):
        raise ValueError(
            "`units` must be positive, and even when `bidirectional`: each direction has half. "
            f"Received: units={units}, bidirectional={bidirectional}"
        )
    if bidirectional and (alternating or reverse_source):
        raise ValueError(
            "`alternating` and `reverse_source` are for layers of one direction: pass "
            f"bidirectional=False. Received: alternating={alternating}, "
            f"reverse_source={reverse_source}"
        )


def check_decoder_sizes(
    vocabulary_size: int, units: int, num_layers: int, embedding_dimension: int | None
) -> None:
    """Raise ValueError if a decoder's size is too small."""
    if vocabulary_size < 4 or units < 1 or num_layers < 1:
        raise ValueError(
            "A decoder needs at least 4 ids, 1 unit and 1 layer. Received: "
            f"vocabulary_size={vocabulary_size}, units={units}, num_layers={num_layers}"
        )
    _check_embedding_dimension(embedding_dimension)


def check_decoder_parts(attention: Any, sampling: Any, input_feeding: bool, bridge: str) -> None:
    """Raise TypeError for parts of another kind, ValueError if they do not go together."""
    for label, value, kind, names in (
        ("attention", attention, Attention, "a LuongAttention, another keras_s2s.Attention"),
        ("scheduled_sampling", sampling, ScheduledSampling, "a ScheduledSampling"),
    ):
        if value is not None:
            check_kind(label, value, kind, f"{names} or None")
    if attention is None and (input_feeding or bridge == "zeros"):
        raise ValueError(
            "Input feeding and a bridge of zeros need attention. "
            f"Received: attention=None, input_feeding={input_feeding}, bridge={bridge!r}"
        )
    if input_feeding and getattr(attention, "needs_all_queries", False):
        raise ValueError(
            "A monotonic attention is trained on the queries of all steps at once, which cannot "
            "read what a step before them has attended to. Received: input_feeding=True with "
            f"{type(attention).__name__}. Leave it out, or use another attention."
        )


def check_copying(attention: Any) -> None:
    """Raise ValueError unless there is an attention, whose weights say what is copied."""
    if attention is None:
        raise ValueError(
            "A decoder copies what its attention reads. Received: attention=None. Give it an "
            "attention, or take a Decoder."
        )


def check_source_ids(source: Any) -> None:
    """Raise ValueError unless a decoder that copies is given ids rather than a mask."""
    dtype = keras.backend.standardize_dtype(source.dtype)
    if "int" not in dtype:
        raise ValueError(
            "A CopyingDecoder needs the source ids, int32 [B, S], in place of a mask. Received: "
            f"{dtype}. Take a CopyingEncoder."
        )


def check_luong(
    score: str, scaled: bool, local: str | None, window: int, maximum_source_length: int | None
) -> None:
    """Raise ValueError for arguments of `LuongAttention` that are unknown or not for each other."""
    if score not in SCORES:
        raise ValueError(f"`score` must be one of {SCORES}. Received: score={score!r}")
    if scaled and score in ("concat", "location"):
        raise ValueError(f'`scaled` goes with "dot" and "general". Received: score="{score}"')
    if local is not None and local not in ALIGNMENTS:
        raise ValueError(f"`local` must be None or one of {ALIGNMENTS}. Received: local={local!r}")
    if not window >= 1:
        raise ValueError(f"`window` must be at least 1. Received: window={window}")
    if (score == "location") != (maximum_source_length is not None) or (
        maximum_source_length is not None and maximum_source_length < 1
    ):
        raise ValueError(
            '`maximum_source_length` must be at least 1 for "location", None for other scores. '
            f"Received: score={score!r}, maximum_source_length={maximum_source_length}"
        )


def check_luong_sizes(score: str, units: int, query_size: int, memory_size: int) -> None:
    """Raise ValueError for sizes that a score but "concat" cannot multiply."""
    if query_size != units:
        raise ValueError(
            f'A "{score}" score needs queries of size `units`. '
            f"Received: units={units} and queries of size {query_size}"
        )
    if score == "dot" and memory_size != units:
        raise ValueError(
            'A "dot" score needs a memory as wide as the query; "general" takes any. '
            f"Received: queries of size {units}, memory of size {memory_size}"
        )


def check_copied_sizes(sizes: list[tuple], expected: list[tuple]) -> None:
    """Raise ValueError unless an encoder's state can be copied into the decoder's."""
    if sizes != expected:
        raise ValueError(
            'A "copy" bridge needs an encoder whose layers, cell and units are the decoder\'s; '
            f'"dense" takes any. Received: encoder state sizes {sizes}, decoder state sizes '
            f"{expected}"
        )


def check_shared_embedding(shared: Any, own: Any, is_built: bool) -> None:
    """Raise ValueError unless a decoder can use an encoder's embedding in place of its own."""
    sizes = [(part.input_dim, part.output_dim) for part in (shared, own)]
    if sizes[0] != sizes[1] or (is_built and shared is not own):
        raise ValueError(
            "To share an embedding, encoder and decoder need vocabularies and embeddings of "
            "one size, and a decoder that is not built yet. Received: [vocabulary, embedding] "
            f"{sizes[0]} and {sizes[1]}, built={is_built}"
        )


def _check_embedding_dimension(value: int | None) -> None:
    if value is not None and value < 1:
        raise ValueError(
            f"`embedding_dimension` must be at least 1. Received: embedding_dimension={value}"
        )

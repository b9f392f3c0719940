"""SentencePiece model files: trained on text, with scores that every runtime sums alike."""

import functools
import io
import math
import re
from typing import Any

from keras_s2s.special_ids import END_ID, PAD_ID, SPECIAL_PIECES, START_ID, UNK_ID, UNKNOWN_TEXT

# Two segmentations of a word are often equally probable ("f" "ff", "ff" "f"). Which one wins
# depends on the rounding of sums, which differs between `sentencepiece` and TensorFlow Text. Sums
# of multiples of 2^-8 are exact in float32 up to 2^16, about 6,000 tokens. Then the runtimes agree:
# of equal ones, they take the one whose last token starts first.
SCORE_STEP = 2.0**-8

_TRAINER_OPTIONS = {
    "model_type": "unigram",
    "normalization_rule_name": "identity",  # `normalize` is applied before.
    "remove_extra_whitespaces": False,
    "pad_id": PAD_ID,
    "unk_id": UNK_ID,
    "bos_id": START_ID,
    "eos_id": END_ID,
    # SentencePiece removes these names from its training text, where spaces are replaced by a mark.
    # Names with a space never match, so "<s>" stays text.
    "pad_piece": "<pad >",
    "unk_piece": "<unk >",
    "bos_piece": "<s >",
    "eos_piece": "</s >",
    "unk_surface": UNKNOWN_TEXT,
    "hard_vocab_limit": False,
    "max_sentence_length": 2**30,  # bytes; the default skips lines above 4,192
    "num_threads": 1,  # The order of float sums changes the model.
    "minloglevel": 2,
}

# Enum values in the model file: types of tokens, and the type of the model.
_ORDINARY, _UNKNOWN, _CONTROL, _USER_DEFINED = 1, 2, 3, 4
_CURES = {
    _UNKNOWN: "unk_id=1 alone",
    _CONTROL: "user_defined_symbols instead of control_symbols, which text never holds",
    5: "vocabulary_threshold unset, so that no piece is unused",
    6: "byte_fallback=False, as the bytes would be ids of their own",
}
_UNIGRAM = 1

# The fields of the model file's schema that are needed here.
_SCHEMA = """
name: "keras_s2s/sentencepiece_model.proto" package: "keras_s2s"
message_type {
  name: "Piece"
  field { name: "piece" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
  field { name: "score" number: 2 type: TYPE_FLOAT label: LABEL_OPTIONAL }
  field { name: "type" number: 3 type: TYPE_INT32 label: LABEL_OPTIONAL default_value: "1" }
}
message_type {
  name: "Trainer"
  field { name: "model_type" number: 3 type: TYPE_INT32 label: LABEL_OPTIONAL default_value: "1" }
}
message_type {
  name: "Normalizer"
  field { name: "name" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
  field { name: "precompiled_charsmap" number: 2 type: TYPE_BYTES label: LABEL_OPTIONAL }
}
message_type {
  name: "Model"
  field { name: "pieces" number: 1 type_name: "Piece" label: LABEL_REPEATED }
  field { name: "trainer_spec" number: 2 type_name: "Trainer" label: LABEL_OPTIONAL }
  field { name: "normalizer_spec" number: 3 type_name: "Normalizer" label: LABEL_OPTIONAL }
}
"""


@functools.cache
def model_message() -> Any:
    """Returns the protobuf class of model files; it preserves unknown fields.

    The class in `sentencepiece` requires a newer protobuf than most TensorFlow versions have.

    Returns:
        A message class with `pieces`, `trainer_spec` and `normalizer_spec`.
    """
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

    pool = descriptor_pool.DescriptorPool()  # Not the default pool, which sentencepiece may use.
    file = text_format.Parse(_SCHEMA, descriptor_pb2.FileDescriptorProto())
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("keras_s2s.Model"))


def train_model(
    sentences: list[str],
    vocabulary_size: int,
    character_coverage: float,
    user_defined_symbols: list[str],
) -> bytes:
    """Trains a unigram model; deterministic for a given version of SentencePiece.

    Args:
        sentences: Normalized text.
        vocabulary_size: The largest number of ids, the four special ones included.
        character_coverage: The fraction of the text's characters that the tokens must cover.
        user_defined_symbols: Tokens that are not learned from the text.

    Returns:
        The bytes of the model file.

    Raises:
        ValueError: If `vocabulary_size` cannot hold the characters.
    """
    from sentencepiece import SentencePieceTrainer

    model = io.BytesIO()
    try:
        SentencePieceTrainer.train(
            sentence_iterator=iter(sentences),
            model_writer=model,
            vocab_size=vocabulary_size,
            character_coverage=character_coverage,
            user_defined_symbols=user_defined_symbols,
            **_TRAINER_OPTIONS,
        )
    except RuntimeError as error:
        needed = re.search(r"smaller than required_chars\. \d+ vs (\d+)", str(error))
        if needed is None:
            raise
        raise ValueError(
            f"`vocabulary_size` must be at least {needed[1]}, to spell every character of the "
            f"text. Received: vocabulary_size={vocabulary_size}. Give more; in Python, "
            "SentencePieceTokenizer.train(character_coverage=0.9995) leaves out rare characters."
        ) from error
    return model.getvalue()


def with_exact_scores(model: bytes) -> bytes:
    """Checks a model and rounds its scores, so that their sums are exact in every runtime.

    Args:
        model: The bytes of a model file.

    Returns:
        The bytes of the rounded model; the same bytes if nothing changes.

    Raises:
        ValueError: If it is not a unigram model with identity normalization and our special ids.
    """
    proto = model_message().FromString(model)
    _check_types([piece.type for piece in proto.pieces])
    if len({piece.piece for piece in proto.pieces}) < len(proto.pieces):
        raise ValueError("model must have no piece twice. Received: one that does. Train it anew.")
    if proto.trainer_spec.model_type != _UNIGRAM or proto.normalizer_spec.precompiled_charsmap:
        raise ValueError(
            "model must be a unigram model that leaves normalization to others. Received: "
            f"model_type={proto.trainer_spec.model_type}, {proto.normalizer_spec.name!r}. "
            "Train it with model_type='unigram', normalization_rule_name='identity'."
        )
    if not all(math.isfinite(piece.score) for piece in proto.pieces):
        raise ValueError("model must have finite scores. Received: one that is not. Train it anew.")
    scores = [round(piece.score / SCORE_STEP) * SCORE_STEP for piece in proto.pieces]
    if scores == [piece.score for piece in proto.pieces]:
        return model
    for piece, score in zip(proto.pieces, scores, strict=True):
        piece.score = score
    return proto.SerializeToString()


def _check_types(types: list[int]) -> None:
    """Raises ValueError unless the special ids are ours, and all others can stand for text."""
    first = len(SPECIAL_PIECES)
    if types[:first] != [_CONTROL, _UNKNOWN, _CONTROL, _CONTROL] or len(types) == first:
        raise ValueError(
            "model must have padding, unknown, start and end as ids 0, 1, 2 and 3, and pieces of "
            f"text from 4 on. Received: types {types[:6]}. "
            "Train it with pad_id=0, unk_id=1, bos_id=2, eos_id=3."
        )
    for index, kind in enumerate(types[first:], first):
        if kind not in (_ORDINARY, _USER_DEFINED):
            cure = _CURES.get(kind, "the options of SentencePieceTokenizer.train")
            raise ValueError(
                "model must have ordinary pieces and user-defined symbols alone behind the four "
                f"special ids. Received: id {index} of type {kind}. Train it with {cure}."
            )


def user_symbols(model: bytes) -> list[str]:
    """Returns the user-defined symbols of a model, as spelled in it.

    Args:
        model: The bytes of a model file that `with_exact_scores` has checked.
    """
    pieces = model_message().FromString(model).pieces
    return [piece.piece for piece in pieces if piece.type == _USER_DEFINED]


def with_plain_symbols(model: bytes, respelled: dict[str, str]) -> bytes:
    """Makes ordinary pieces of user-defined symbols, spelled so that they always win.

    SentencePiece gives a symbol of n bytes n times the largest score of a piece, less 0.1: it is
    nearly always chosen, and the sums are not exact. A piece whose first and last character no
    other piece contains cannot be cut or overlapped, and its score may be any.

    Args:
        model: The bytes of a model file that `with_exact_scores` has checked.
        respelled: The new spelling of each symbol.

    Returns:
        The bytes of the new model; the same bytes if there is no symbol.
    """
    if not respelled:
        return model
    proto = model_message().FromString(model)
    largest = max([0.0, *(piece.score for piece in proto.pieces)])
    for piece in proto.pieces:
        if piece.type == _USER_DEFINED:
            piece.piece, piece.type = respelled[piece.piece], _ORDINARY
            piece.score = largest * len(piece.piece)
    return proto.SerializeToString()

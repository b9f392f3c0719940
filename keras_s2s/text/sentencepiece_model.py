"""SentencePiece's model files: learnt from text, and made so that every runtime agrees on them."""

import io
import math
import re

from keras_s2s.text.tokenizer import END_ID, PAD_ID, START_ID, UNK_ID, UNKNOWN_TEXT

# Two ways to cut a word are often equally probable ("f" "ff", "ff" "f"). Which one wins depends on
# how a runtime rounds its sums, and `sentencepiece` and TensorFlow Text round differently. Sums of
# multiples of 2^-8 are exact in float32 up to 2^16, some 6,000 pieces, and then the runtimes agree:
# of equals, the one whose last piece starts first.
SCORE_STEP = 2.0**-8

_TRAINER_OPTIONS = {
    "model_type": "unigram",
    "normalization_rule_name": "identity",  # `normalize` has done it, and done it reversibly.
    "remove_extra_whitespaces": False,
    "pad_id": PAD_ID,
    "unk_id": UNK_ID,
    "bos_id": START_ID,
    "eos_id": END_ID,
    # SentencePiece cuts these names out of the text it learns from. Text has a mark, not a blank,
    # where a blank was, so these never match and "<s>" stays text.
    "pad_piece": "<pad >",
    "unk_piece": "<unk >",
    "bos_piece": "<s >",
    "eos_piece": "</s >",
    "unk_surface": UNKNOWN_TEXT,
    "hard_vocab_limit": False,
    "max_sentence_length": 2**30,  # bytes; the default leaves out lines of more than 4,192
    "num_threads": 1,  # Sums of floats in another order are another model.
    "minloglevel": 2,
}


def train_model(sentences: list[str], vocabulary_size: int, character_coverage: float) -> bytes:
    """Learns a unigram model; with one version of SentencePiece, always the same.

    Args:
        sentences: Normalized text.
        vocabulary_size: The largest number of ids, the four special ones included.
        character_coverage: The share of the text's characters that the pieces must spell.

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
            **_TRAINER_OPTIONS,
        )
    except RuntimeError as error:
        needed = re.search(r"smaller than required_chars\. \d+ vs (\d+)", str(error))
        if needed is None:
            raise
        raise ValueError(
            f"vocabulary_size must be at least {needed[1]}, to spell every character of the text. "
            f"Received: vocabulary_size={vocabulary_size}. "
            "Give more, or leave out rare characters with character_coverage=0.9995."
        ) from error
    return model.getvalue()


def with_exact_scores(model: bytes) -> bytes:
    """Checks a model and returns it with scores whose sums no runtime has to round.

    Args:
        model: The bytes of a model file.

    Returns:
        The same bytes if they are so already.

    Raises:
        ValueError: If it is no unigram model with the identity rule and ids 0 to 3 as they must be.
    """
    from sentencepiece.sentencepiece_model_pb2 import (  # Its names are made at run time.
        ModelProto,  # pyright: ignore[reportAttributeAccessIssue]
    )

    proto = ModelProto.FromString(model)
    types = [piece.type for piece in proto.pieces]
    kind = ModelProto.SentencePiece
    special = [kind.CONTROL, kind.UNKNOWN, kind.CONTROL, kind.CONTROL]
    if types[: len(special)] != special or {*types[len(special) :]} != {kind.NORMAL}:
        raise ValueError(
            "model must have padding, unknown, start and end as ids 0, 1, 2 and 3, and ordinary "
            f"pieces from 4 on. Received: types {types[:6]}. "
            "Train it with pad_id=0, unk_id=1, bos_id=2, eos_id=3."
        )
    if len({piece.piece for piece in proto.pieces}) < len(types):
        raise ValueError("model must have no piece twice. Received: one that does. Train it anew.")
    if proto.trainer_spec.model_type != 1 or proto.normalizer_spec.precompiled_charsmap:
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

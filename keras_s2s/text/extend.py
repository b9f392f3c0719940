"""Appends to a vocabulary what new text needs; old ids keep their symbols."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from collections.abc import Iterable
from typing import Any

from keras_s2s.special_ids import SPECIAL_PIECES
from keras_s2s.text.normalization import normalize_lines
from keras_s2s.text.sentencepiece_model import model_message
from keras_s2s.text.sentencepiece_tokenizer import DEFAULT_VOCABULARY_SIZE, SentencePieceTokenizer
from keras_s2s.text.symbol_tokenizers import CharacterTokenizer, WordTokenizer
from keras_s2s.text.tokenizer import Tokenizer

# A piece of several characters that occurs less often hardly learns an embedding.
LEAST_USES = 5
FIRST = len(SPECIAL_PIECES)


def extend_tokenizer(
    tokenizer: Tokenizer, lines: Iterable[str], vocabulary_size: int | None = None
) -> Tokenizer:
    """Append to a tokenizer the symbols that it lacks for a text.

    A tokenizer of the same kind is trained on the text, and what the old one does not have is
    appended in its order. Of a word or character tokenizer, known words keep their ids. A piece
    that is appended to a SentencePiece model gets a score of 1 below the lowest one: the old pieces
    are preferred, unless several of them are needed where one new piece is enough. All characters
    of the text are appended, and longer pieces that the text then uses at least 5 times.

    Args:
        tokenizer: A `SentencePieceTokenizer`, `WordTokenizer` or `CharacterTokenizer`.
        lines: The text.
        vocabulary_size: The largest number of ids of the result; `None` for the old ones and what
            is missing of the 8,000 most frequent symbols, or as many as there are old ones.

    Returns:
        A new tokenizer, in which the ids of the old one mean the same; the old one itself if
        nothing is missing.

    Raises:
        TypeError: The tokenizer is of another class.
        ValueError: There is no text, or `vocabulary_size` is below that of the tokenizer.

    Example:
        >>> words = WordTokenizer.train(["a b"])
        >>> extend_tokenizer(words, ["b c"]).symbols
        ('a', 'b', 'c')
    """
    size = tokenizer.vocabulary_size
    if vocabulary_size is not None and vocabulary_size < size:
        raise ValueError(
            f"`vocabulary_size` must be at least {size:,}, the size that is extended. Received: "
            f"vocabulary_size={vocabulary_size}. Give more, or None."
        )
    most = max(size, DEFAULT_VOCABULARY_SIZE, vocabulary_size or 0)
    room = None if vocabulary_size is None else vocabulary_size - size
    kept = getattr(tokenizer, "protected", ())
    lines = list(normalize_lines(lines, tokenizer.normalization, kept))
    if type(tokenizer) is SentencePieceTokenizer:
        return _extend_pieces(tokenizer, lines, most, room)
    kind: Any = type(tokenizer)
    if kind not in (WordTokenizer, CharacterTokenizer):
        raise TypeError(
            "A vocabulary can be extended if its tokenizer is a SentencePieceTokenizer, a "
            f"WordTokenizer or a CharacterTokenizer. Received: a {kind.__name__}. Keep the "
            "vocabulary as it is."
        )
    config: dict[str, Any] = tokenizer.get_config()
    given = {name: value for name, value in config.items() if name != "symbols"}
    known = set(config["symbols"])
    learned = kind.train(lines, most, **given).symbols
    missing = [symbol for symbol in learned if symbol not in known][:room]
    return kind([*config["symbols"], *missing], **given) if missing else tokenizer


def _extend_pieces(
    tokenizer: SentencePieceTokenizer, lines: list[str], most: int, room: int | None
) -> SentencePieceTokenizer:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # The text need not fill the vocabulary.
        form, kept = tokenizer.normalization, tokenizer.protected
        learned = SentencePieceTokenizer.train(lines, most, normalization=form, protected=kept)
    known = {piece for piece, _ in tokenizer.vocabulary()}
    missing = [piece for piece, _ in learned.vocabulary()[FIRST:] if piece not in known]
    if not missing:
        return tokenizer
    trial = _with_pieces(tokenizer, missing)
    uses = Counter(index for ids in trial.encode_all(lines) for index in ids)
    used = [
        piece
        for index, piece in enumerate(missing, tokenizer.vocabulary_size)
        if len(piece) == 1 or uses[index] >= LEAST_USES
    ]
    used.sort(key=lambda piece: len(piece) > 1)  # Without a character its words are unknown.
    return _with_pieces(tokenizer, used[:room]) if used[:room] else tokenizer


def _with_pieces(tokenizer: SentencePieceTokenizer, pieces: list[str]) -> SentencePieceTokenizer:
    proto = model_message().FromString(tokenizer.model)
    score = min(piece.score for piece in proto.pieces[FIRST:]) - 1
    for piece in pieces:
        proto.pieces.add(piece=piece, score=score)  # Normal ones: the first may be protected.
    model = proto.SerializeToString()
    return SentencePieceTokenizer(model, normalization=tokenizer.normalization)


def old_ids_of_new(old: Tokenizer, new: Tokenizer) -> list[list[int]]:
    """The ids by which the old tokenizer spells each symbol that was appended.

    Args:
        old: The tokenizer before it was extended.
        new: What `extend_tokenizer` made of it.

    Returns:
        For each new id the old ids of the most probable segmentation of its piece; an empty list
        for a piece with a character that the old tokenizer lacks, and for words and characters.
    """
    count = new.vocabulary_size - old.vocabulary_size
    is_by_pieces = isinstance(old, SentencePieceTokenizer)
    if not is_by_pieces or not isinstance(new, SentencePieceTokenizer):
        return [[] for _ in range(count)]
    pieces = enumerate(old.vocabulary())
    known = {piece: (score, index) for index, (piece, score) in pieces if index >= FIRST}
    return [_best_split(piece, known) for piece, _ in new.vocabulary()[old.vocabulary_size :]]


def _best_split(piece: str, known: dict[str, tuple[float, int]]) -> list[int]:
    """The ids of the segmentation with the largest sum of scores; none if there is none."""
    best: list[tuple[float, list[int]]] = [(0.0, [])]
    for end in range(1, len(piece) + 1):
        found = [(-math.inf, [])]
        for start in range(end):
            score, index = known.get(piece[start:end], (-math.inf, 0))
            before, ids = best[start]
            found.append((before + score, [*ids, index]))
        best.append(max(found, key=lambda one: one[0]))
    return best[-1][1] if math.isfinite(best[-1][0]) else []

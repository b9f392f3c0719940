"""Subwords by SentencePiece's unigram model."""

import functools
import hashlib
import math
import random
import warnings
from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_s2s.files.artifact_folder import read_inside
from keras_s2s.special_ids import UNK_ID, UNKNOWN_TEXT
from keras_s2s.text.normalization import check_form, normalize_lines
from keras_s2s.text.protected import enclose, enclosed_symbol, without_marks
from keras_s2s.text.registry import register_tokenizer
from keras_s2s.text.sentencepiece_model import (
    train_model,
    user_symbols,
    with_exact_scores,
    with_plain_symbols,
)
from keras_s2s.text.symbols import check_protected
from keras_s2s.text.tokenizer import Tokenizer
from keras_s2s.text.tokenizer_files import MOST_BYTES, check_vocabulary_size
from keras_s2s.text.unigram_sampler import UnigramSampler
from keras_s2s.text.words import strip_marks

if TYPE_CHECKING:
    from keras_s2s.text.tensorflow_ops import TextModule

MODEL_FILE = "tokenizer.model"
DEFAULT_VOCABULARY_SIZE = 8000

# SentencePiece uses U+2581 for a space, and U+2585 for text that it skips in training. In text,
# they are replaced by control characters, which normalized text does not contain.
_BLANK = "\u2581"
_ESCAPES = {_BLANK: "\x02", "\u2585": "\x03"}


@register_tokenizer
class SentencePieceTokenizer(Tokenizer):
    """Subwords: the most probable segmentation of a sentence into tokens of a learned vocabulary.

    A run of characters that the vocabulary does not contain becomes one unknown id. (With the byte
    fallback of SentencePiece, 256 more ids are needed, and the output can be invalid UTF-8.)

    Args:
        model: The bytes of a SentencePiece unigram model with identity normalization, and with
            padding, unknown, start and end as ids 0 to 3. `train` creates one. Its scores are
            rounded to multiples of 1/256, so that every runtime finds the same tokens. A
            user-defined symbol is one token wherever it occurs in a text; of several that start at
            one place, the longest. Normalization does not change it.
        normalization: "NFC", "NFKC" or "NFD".

    Raises:
        TypeError: If `model` is not `bytes`.
        ValueError: If SentencePiece cannot read it, its special ids differ, or it is not a unigram
            model with identity normalization.

    >>> tokenizer = SentencePieceTokenizer.train(["low lower lowest", "new newer newest"], 16)
    >>> tokenizer.decode(tokenizer.encode("newest  low"))
    'newest low'

    Source: Kudo 2018, "Subword Regularization: Improving Neural Network Translation Models with
    Multiple Subword Candidates", section 3.2 for the model and 3.3 for the sampling.
    """

    def __init__(self, model: bytes, *, normalization: str = "NFC") -> None:
        from sentencepiece import SentencePieceProcessor

        super().__init__(normalization)
        if not isinstance(model, bytes):
            raise TypeError(
                f"model must be the bytes of a SentencePiece model. Received: "
                f"{type(model).__name__}. Read a file with Path(file).read_bytes()."
            )
        try:
            SentencePieceProcessor(model_proto=model)
            self.model = with_exact_scores(model)
            self.protected = _symbols_of(self.model)
            self._run_model = with_plain_symbols(
                self.model,
                {_escape(one): _escape(enclose(one, self.protected)) for one in self.protected},
            )
            self._processor = SentencePieceProcessor(model_proto=self._run_model)
        except (RuntimeError, OSError, OverflowError) as error:
            raise ValueError(
                f"model must be a SentencePiece model. Received: {len(model)} bytes that "
                f"SentencePiece cannot read ({error}). Make one with SentencePieceTokenizer.train."
            ) from error
        self._size = self._processor.get_piece_size()
        self._sampler: UnigramSampler | None = None

    @classmethod
    def train(
        cls,
        lines: Iterable[str],
        vocabulary_size: int | None = None,
        *,
        normalization: str = "NFC",
        character_coverage: float = 1.0,
        protected: Sequence[str] = (),
    ) -> "SentencePieceTokenizer":
        """Learns a vocabulary of subwords; deterministic for the same lines.

        Args:
            lines: The text, held in memory. For one vocabulary on both sides, chain their lines.
            vocabulary_size: The number of ids, the four special ones included. If the text has too
                few tokens, the vocabulary is smaller, with a warning. None means at most 8,000,
                without the warning.
            normalization: "NFC", "NFKC" or "NFD".
            character_coverage: The fraction of the text's characters that the vocabulary must
                cover. 1 loses nothing; with 0.9995, the rarest characters of Chinese or Korean
                become unknown, which leaves more ids for longer tokens.
            protected: User-defined symbols such as "<2de>".

        Returns:
            The tokenizer.

        Raises:
            TypeError: If `lines` is one `str`, or a line is no `str`.
            ValueError: If there is no text, or `vocabulary_size` cannot hold its characters, or
                `character_coverage` is not above 0.98 and at most 1.
        """
        check_form(normalization)
        kept = check_protected(protected)
        check_vocabulary_size(vocabulary_size, len(kept))
        if not 0.98 < character_coverage <= 1:
            raise ValueError(
                "character_coverage must be above 0.98 and at most 1. "
                f"Received: character_coverage={character_coverage}. Use 1, or 0.9995."
            )
        sentences = [_escape(line) for line in normalize_lines(lines, normalization, kept) if line]
        if not sentences:
            raise ValueError(
                "lines must contain text. Received: only empty lines, or none. Check the file."
            )
        size = vocabulary_size or DEFAULT_VOCABULARY_SIZE
        model = train_model(sentences, size, character_coverage, list(map(_escape, kept)))
        tokenizer = cls(model, normalization=normalization)
        if vocabulary_size is not None and tokenizer.vocabulary_size < vocabulary_size:
            warnings.warn(
                f"vocabulary_size={vocabulary_size} is more than the text fills: the tokenizer "
                f"has {tokenizer.vocabulary_size} ids, the most that it can give.",
                stacklevel=2,
            )
        return tokenizer

    @property
    def vocabulary_size(self) -> int:
        """The number of ids, the four special ones included."""
        return self._size

    def vocabulary(self) -> list[tuple[str, float]]:
        """Returns, for each id, its token as spelled in the model file, and its score.

        The score is a multiple of 1/256: about the log-probability of the token. In a token, U+2581
        is a space; U+0002 and U+0003 are the characters U+2581 and U+2585 of the text. A
        user-defined symbol stands between U+0004 and U+0005.
        """
        ids = list(range(self._size))
        processor = self._processor
        return list(zip(processor.id_to_piece(ids), processor.get_score(ids), strict=True))

    def encode_all(
        self, texts: Iterable[str], alpha: float | None = None, seed: int | None = None
    ) -> list[list[int]]:
        """Returns the ids of many texts, either the best segmentation or a sampled one.

        Args:
            texts: Sentences.
            alpha: None for the best segmentation. Otherwise, subword regularization: a segmentation
                is sampled in proportion to its probability to the power of `alpha`. 0 makes all of
                them equally likely, 0.1 to 0.5 helps on small datasets, and larger values favor the
                best one.
            seed: With `alpha`, the seed of the sampling; None takes one from Python's `random`.

        Returns:
            A list of ids for each text.

        Raises:
            TypeError: If `texts` is one `str`, or one of them is no `str`.
            ValueError: If a text holds a lone surrogate, `alpha` is negative, `seed` is outside of
                0 to 2^31 - 1, or there is a `seed` without `alpha`.

        Source: Kudo 2018, "Subword Regularization", section 3.3.
        """
        normalized = normalize_lines(texts, self.normalization, self.protected)
        lines = [_escape(enclose(line, self.protected)) for line in normalized]
        if alpha is None:
            if seed is not None:
                raise ValueError(f"seed needs alpha. Received: seed={seed}. Give both or neither.")
            return self._processor.encode(lines)
        if not 0 <= alpha < math.inf:
            raise ValueError(f"alpha must be finite and at least 0. Received: alpha={alpha}.")
        seed = random.getrandbits(31) if seed is None else seed
        if not 0 <= seed < 2**31:
            raise ValueError(f"seed must be from 0 to 2**31 - 1. Received: seed={seed}. Take 0.")
        if self._sampler is None or self._sampler.alpha != alpha:
            pieces, scores = zip(*self.vocabulary(), strict=True)
            self._sampler = UnigramSampler(pieces, scores, alpha)
        generator = random.Random(seed)
        sample = self._sampler.sample
        return [sample(line, generator) for line in self._processor.normalize(lines)]

    def encode_normalized(self, text: str) -> list[int]:
        """See `Tokenizer`."""
        return self._processor.encode(_escape(enclose(text, self.protected)))

    def decode_tokens(self, ids: list[int], unknown: list[str]) -> str:
        """See `Tokenizer`."""
        if not unknown:
            return _unescape(self._processor.decode(ids))
        words = chain(unknown, repeat(UNKNOWN_TEXT))
        return "".join(next(words) if i == UNK_ID else self._text(i) for i in ids)

    def _text(self, index: int) -> str:
        return _unescape(self._processor.id_to_piece(index).replace(_BLANK, " "))

    def normalized_surfaces(self, text: str) -> list[str]:
        """See `Tokenizer`."""
        marked = _escape(enclose(text, self.protected))
        pieces: list[str] = self._processor.encode(marked, out_type=str)
        words = [strip_marks(_unescape(word)) for word in "".join(pieces).split(_BLANK)]
        surfaces, seen = [], 0
        for piece in pieces:
            bare = piece.lstrip(_BLANK)
            is_known = self._processor.piece_to_id(piece) != UNK_ID
            word = words[seen + len(piece) - len(bare)]
            symbol = enclosed_symbol(piece)
            surfaces.append(_unescape(bare) if symbol or not is_known else word)
            seen += piece.count(_BLANK)
        return surfaces

    def piece(self, index: int) -> str:
        """See `Tokenizer`."""
        return self._pieces[index]

    @functools.cached_property
    def _pieces(self) -> list[str]:
        """The pieces of all ids: looking one up takes a tenth of asking SentencePiece for it."""
        return [_unescape(piece) for piece in self._processor.id_to_piece([*range(self._size)])]

    def make_in_graph(self) -> "TextModule":
        """See `Tokenizer`."""
        from keras_s2s.text.tensorflow_ops import SentencePieceModule

        return SentencePieceModule(self._run_model, self.normalization, _ESCAPES, self.protected)

    def get_config(self) -> dict[str, Any]:
        """See `Tokenizer`."""
        return {"model": self.model, **super().get_config()}

    def write_files(self, folder: Path) -> dict[str, Any]:
        """See `Tokenizer`."""
        (folder / MODEL_FILE).write_bytes(self.model)
        return {"model": MODEL_FILE, "model_sha256": hashlib.sha256(self.model).hexdigest()}

    @classmethod
    def from_files(cls, settings: dict[str, Any], folder: Path) -> "SentencePieceTokenizer":
        """See `Tokenizer`."""
        try:
            model = read_inside(folder, MODEL_FILE, MOST_BYTES)
        except OSError as error:
            raise ValueError(f"no {MODEL_FILE} beside it ({error})") from error
        # Before SentencePiece parses it: a damaged file may crash its C++ parser.
        if hashlib.sha256(model).hexdigest() != settings["model_sha256"]:
            raise ValueError(f"{len(model)} bytes in {MODEL_FILE} whose SHA-256 is another")
        return cls(model, normalization=settings["normalization"])


def _escape(text: str) -> str:
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    return text


def _unescape(text: str) -> str:
    for character, escape in _ESCAPES.items():
        text = text.replace(escape, character)
    return without_marks(text)


def _symbols_of(model: bytes) -> tuple[str, ...]:
    """The user-defined symbols of a model, as they stand in text."""
    symbols = user_symbols(model)
    for symbol in symbols:
        if _BLANK in symbol:
            raise ValueError(
                "model must have user-defined symbols without blanks. "
                f"Received: {symbol!r}. Train it with {symbol.strip(_BLANK)!r} instead."
            )
    return check_protected([_unescape(symbol) for symbol in symbols])

"""Tokenizers made of TensorFlow operations; imported only when text is tokenized in a graph."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from keras_s2s.special_ids import END_ID, PAD_ID, SPECIAL_PIECES, START_ID, UNK_ID, UNKNOWN_TEXT
from keras_s2s.text.normalization import import_tensorflow_text, normalize_in_graph
from keras_s2s.text.protected import CLOSING, OPENING, pattern_of


class TextModule(tf.Module):
    """Base class of in-graph tokenizers: text to ids and back; it owns the lookup tables.

    A subclass implements `encode_normalized` and `decode_tokens`.

    Args:
        form: The Unicode form of the text before it becomes ids.
        protected: Symbols that normalization does not change.
    """

    def __init__(self, form: str, protected: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.form = form
        self._protected = protected

    def encode_normalized(self, text: tf.Tensor) -> tf.RaggedTensor:
        """Returns the ids of normalized text, int32 [B, None]."""
        raise NotImplementedError

    def decode_tokens(self, ids: tf.RaggedTensor) -> tf.Tensor:
        """Returns the text of ids that are not padding, start or end, string [B]."""
        raise NotImplementedError

    def tokenize(self, text: tf.Tensor) -> tf.RaggedTensor:
        """Returns the ids of sentences, without start and end marks.

        Args:
            text: UTF-8, string [B].

        Returns:
            Ids, int32 [B, None].

        Raises:
            ValueError: If `text` is not a vector.
        """
        text = tf.convert_to_tensor(text, tf.string)
        if text.shape.rank != 1:
            raise ValueError(
                f"text must be a vector of strings. Received: shape {text.shape}. "
                "Batch the data set first, or put a single string into a list."
            )
        return self.encode_normalized(normalize_in_graph(text, self.form, self._protected))

    def detokenize(self, ids: tf.Tensor | tf.RaggedTensor) -> tf.Tensor:
        """Returns the text of ids, in NFC.

        Args:
            ids: Ids, int32 [B, T], ragged or padded. Padding, start and end marks are left out.

        Returns:
            UTF-8, string [B].
        """
        ragged = _ragged(ids)
        marks = tf.constant([PAD_ID, START_ID, END_ID], ragged.dtype)
        is_text = tf.reduce_all(ragged.flat_values[:, None] != marks, axis=-1)
        ragged = tf.ragged.boolean_mask(ragged, ragged.with_flat_values(is_text))
        return normalize_in_graph(self.decode_tokens(ragged), "NFC", self._protected)


def _ragged(ids: tf.Tensor | tf.RaggedTensor) -> Any:
    if isinstance(ids, tf.RaggedTensor):
        return ids
    # TensorFlow's own hints do not know this method.
    from_tensor = tf.RaggedTensor.from_tensor  # pyright: ignore[reportAttributeAccessIssue]
    return from_tensor(tf.cast(ids, tf.int32))


class SymbolModule(TextModule):
    """Looks up the symbols of a text in a table.

    Args:
        symbols: The symbols, in the order of their ids, the first of which is 4.
        form: The Unicode form of the text before it becomes ids.
        split: Function from normalized text, string [B], to symbols, string [B, None].
        join: Its inverse.
        protected: Those of the symbols that are not split.
    """

    def __init__(
        self,
        symbols: Sequence[str],
        form: str,
        split: Callable[[tf.Tensor], tf.RaggedTensor],
        join: Callable[[tf.RaggedTensor], tf.Tensor],
        protected: tuple[str, ...] = (),
    ) -> None:
        super().__init__(form, protected)
        self._split = split
        self._join = join
        first = len(SPECIAL_PIECES)
        ids = tf.range(first, first + len(symbols))
        # Names of special ids are not in the table: in text, they are ordinary text.
        initializer = tf.lookup.KeyValueTensorInitializer(tf.constant(list(symbols)), ids)
        self._table = tf.lookup.StaticHashTable(initializer, UNK_ID)
        self._symbols = tf.constant([UNKNOWN_TEXT] * first + list(symbols))

    def encode_normalized(self, text: tf.Tensor) -> tf.RaggedTensor:
        """See `TextModule`."""
        symbols = self._split(text) if not self._protected else self._split_around(text)
        return symbols.with_flat_values(self._table.lookup(symbols.flat_values))

    def _split_around(self, text: tf.Tensor) -> tf.RaggedTensor:
        """Splits text while `OPENING` stands for each protected symbol, as `protected.hide`."""
        pattern = pattern_of(self._protected)
        tokens = self._split(tf.strings.regex_replace(text, pattern, OPENING))
        cut = b"\xff"  # A byte that no UTF-8 text contains.
        marked = tf.strings.regex_replace(text, f"({pattern})", cut + rb"\1" + cut)
        pieces = tf.strings.split(marked, cut)  # string [B, None]; the symbols are at odd places.
        is_symbol = tf.ragged.range(pieces.row_lengths()).flat_values % 2 == 1
        return tokens.with_flat_values(
            tf.tensor_scatter_nd_update(
                tokens.flat_values,
                tf.where(tokens.flat_values == OPENING),
                tf.boolean_mask(pieces.flat_values, is_symbol),
            )
        )

    def decode_tokens(self, ids: tf.RaggedTensor) -> tf.Tensor:
        """See `TextModule`."""
        return self._join(tf.gather(self._symbols, ids))


class SentencePieceModule(TextModule):
    """Runs a SentencePiece model.

    Args:
        model: The model file's bytes.
        form: The Unicode form of the text before it becomes ids.
        escapes: Characters of the text, and their replacements in the model.
        protected: Symbols that are always one token; in the model, between two marks.
    """

    def __init__(
        self, model: bytes, form: str, escapes: dict[str, str], protected: tuple[str, ...] = ()
    ) -> None:
        super().__init__(form, protected)
        self._escapes = escapes
        # Not FastSentencepieceTokenizer, whose operations TensorFlow Serving lacks. The name
        # becomes the resource's: tokenizers of one name would share it in a SavedModel.
        name = f"SentencePiece_{hashlib.sha256(model).hexdigest()[:16]}"
        self._tokenizer = import_tensorflow_text().SentencepieceTokenizer(
            model, tf.int32, name=name
        )

    def encode_normalized(self, text: tf.Tensor) -> tf.RaggedTensor:
        """See `TextModule`."""
        if self._protected:
            pattern = f"({pattern_of(self._protected)})"
            text = tf.strings.regex_replace(text, pattern, rf"{OPENING}\1{CLOSING}")
        for character, escape in self._escapes.items():
            text = tf.strings.regex_replace(text, character, escape)
        return self._tokenizer.tokenize(text)

    def decode_tokens(self, ids: tf.RaggedTensor) -> tf.Tensor:
        """See `TextModule`."""
        text = self._tokenizer.detokenize(tf.cast(ids, tf.int32))
        for character, escape in self._escapes.items():
            text = tf.strings.regex_replace(text, escape, character)
        return tf.strings.regex_replace(text, f"[{OPENING}{CLOSING}]", "")

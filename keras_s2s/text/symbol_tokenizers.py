"""Tokenizers that look up whole words or single characters in a list."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_s2s.special_ids import SPECIAL_PIECES, UNK_ID, UNKNOWN_TEXT
from keras_s2s.text.protected import hide, shown
from keras_s2s.text.registry import register_tokenizer
from keras_s2s.text.symbols import check_protected, check_symbols, most_frequent
from keras_s2s.text.tokenizer import Tokenizer
from keras_s2s.text.words import (
    JOINER,
    join_words,
    join_words_in_graph,
    split_words,
    split_words_in_graph,
)

if TYPE_CHECKING:
    import tensorflow as tf

    from keras_s2s.text.tensorflow_ops import TextModule

_VISIBLE_JOINER = "￭"


class _SymbolTokenizer(Tokenizer):
    """Base class of word and character tokenizers: a list of symbols, whose first has id 4."""

    def __init__(
        self, symbols: Sequence[str], normalization: str, protected: Sequence[str]
    ) -> None:
        super().__init__(normalization)
        self.protected = check_protected(protected)
        check_symbols(symbols, normalization, self.protected)
        self.symbols = tuple(symbols)
        self._id_of = {symbol: index for index, symbol in enumerate(symbols, len(SPECIAL_PIECES))}

    @abstractmethod
    def _split(self, text: str) -> list[str]:
        """Splits normalized text, in which `protected.OPENING` stands for a protected symbol."""

    @abstractmethod
    def _split_in_graph(self, text: "tf.Tensor") -> "tf.RaggedTensor":
        """Equals `_split`, from string [B] to string [B, None]."""

    @abstractmethod
    def _join(self, symbols: Iterable[str]) -> str:
        """Joins symbols to text."""

    @abstractmethod
    def _join_in_graph(self, symbols: "tf.RaggedTensor") -> "tf.Tensor":
        """Joins symbols to text, from string [B, None] to string [B]."""

    @property
    def vocabulary_size(self) -> int:
        """The number of ids, the four special ones included."""
        return len(SPECIAL_PIECES) + len(self.symbols)

    def _symbol(self, index: int) -> str:
        return self.symbols[index - len(SPECIAL_PIECES)]

    def _tokens(self, text: str) -> list[str]:
        text, found = hide(text, self.protected)
        return shown(self._split(text), found)

    def encode_normalized(self, text: str) -> list[int]:
        """See `Tokenizer`."""
        return [self._id_of.get(symbol, UNK_ID) for symbol in self._tokens(text)]

    def decode_tokens(self, ids: list[int], unknown: list[str]) -> str:
        """See `Tokenizer`."""
        words = chain(unknown, repeat(UNKNOWN_TEXT))
        return self._join(next(words) if i == UNK_ID else self._symbol(i) for i in ids)

    def normalized_surfaces(self, text: str) -> list[str]:
        """See `Tokenizer`."""
        return [symbol.replace(JOINER, "") for symbol in self._tokens(text)]

    def piece(self, index: int) -> str:
        """See `Tokenizer`."""
        return self._symbol(index).replace(JOINER, _VISIBLE_JOINER)

    def make_in_graph(self) -> "TextModule":
        """See `Tokenizer`."""
        from keras_s2s.text.tensorflow_ops import SymbolModule

        functions = self._split_in_graph, self._join_in_graph
        return SymbolModule(self.symbols, self.normalization, *functions, self.protected)

    def get_config(self) -> dict[str, Any]:
        """See `Tokenizer`."""
        protected = {"protected": list(self.protected)} if self.protected else {}
        return {**super().get_config(), "symbols": list(self.symbols), **protected}

    def write_files(self, folder: Path) -> dict[str, Any]:
        """See `Tokenizer`; clients in other languages read these entries."""
        return self.get_config()


@register_tokenizer
class WordTokenizer(_SymbolTokenizer):
    """One id for each word between spaces: words, or symbols such as phonemes.

    With `split_punctuation`, a punctuation mark is a token of its own, which records on which sides
    there was no space: "Don't stop." becomes Don · ￭'￭ · t · stop · ￭. and decodes to the same
    text. Marks are ASCII punctuation and symbols and an explicit list for other scripts. Modifier
    letters such as "ʰ", "ː" or "ʼ" and combining marks are not, so phonetic symbols stay whole.
    A protected symbol is the same token everywhere; where there is no space beside it, "￭" is a
    token of its own.

    Args:
        symbols: The symbols of the ids from 4 on. `train` finds them in text.
        normalization: "NFC", "NFKC" or "NFD".
        split_punctuation: Whether to split punctuation from words, or at spaces only.
        protected: Those of the symbols that are one token wherever they occur in a text, and that
            normalization does not change.

    Raises:
        TypeError: If a symbol is no `str`.
        ValueError: If a symbol is empty, duplicated, not normalized, or contains a space.

    >>> tokenizer = WordTokenizer.train(["K AE1 T", "AE1 T"])
    >>> tokenizer.encode("T AE1 K OW1")
    [5, 4, 6, 1]
    >>> tokenizer.decode([5, 4, 6, 1, 3])
    'T AE1 K ⁇'
    """

    def __init__(
        self,
        symbols: Sequence[str],
        *,
        normalization: str = "NFC",
        split_punctuation: bool = True,
        protected: Sequence[str] = (),
    ) -> None:
        super().__init__(symbols, normalization, protected)
        self.split_punctuation = split_punctuation
        for symbol in self.symbols:
            if " " in symbol:
                raise ValueError(
                    f"a word must not contain blanks. Received: {symbol!r}. Make it two words."
                )

    @classmethod
    def train(
        cls,
        lines: Iterable[str],
        vocabulary_size: int | None = None,
        *,
        normalization: str = "NFC",
        split_punctuation: bool = True,
        protected: Sequence[str] = (),
    ) -> "WordTokenizer":
        """Builds a vocabulary of the most frequent words; ties are sorted by code points.

        Args:
            lines: The text, read once. For one vocabulary on both sides, chain their lines.
            vocabulary_size: The largest number of ids, the four special ones included. None for
                all words.
            normalization: "NFC", "NFKC" or "NFD".
            split_punctuation: Whether to split punctuation from words.
            protected: Symbols such as "<2de>", which are one token wherever they occur.

        Returns:
            The tokenizer.

        Raises:
            TypeError: If `lines` is one `str`, or a line is no `str`.
            ValueError: If there is no word, or `vocabulary_size` is too small.
        """
        kept = check_protected(protected)
        split = partial(split_words, at_punctuation=split_punctuation)
        options = {"split_punctuation": split_punctuation, "protected": kept}
        first = (*kept, JOINER) if kept else ()
        symbols = most_frequent(lines, vocabulary_size, normalization, split, kept, first)
        return cls(symbols, normalization=normalization, **options)

    def _split(self, text: str) -> list[str]:
        return split_words(text, self.split_punctuation)

    def _split_in_graph(self, text: "tf.Tensor") -> "tf.RaggedTensor":
        return split_words_in_graph(text, self.split_punctuation)

    def _join(self, symbols: Iterable[str]) -> str:
        return join_words(symbols)

    def _join_in_graph(self, symbols: "tf.RaggedTensor") -> "tf.Tensor":
        return join_words_in_graph(symbols)

    def get_config(self) -> dict[str, Any]:
        """See `Tokenizer`."""
        return {"split_punctuation": self.split_punctuation, **super().get_config()}

    @classmethod
    def from_files(cls, settings: dict[str, Any], folder: Path) -> "WordTokenizer":
        """See `Tokenizer`."""
        if not isinstance(settings["split_punctuation"], bool):
            raise ValueError(f"split_punctuation={settings['split_punctuation']!r}")
        return cls(
            settings["symbols"],
            normalization=settings["normalization"],
            split_punctuation=settings["split_punctuation"],
            protected=settings.get("protected", ()),
        )


@register_tokenizer
class CharacterTokenizer(_SymbolTokenizer):
    """One id for each code point of the normalized text, spaces included.

    With "NFD", a Hangul syllable becomes two or three ids, its jamo, and an accented letter two;
    decoding composes them again.

    Args:
        symbols: The symbols of the ids from 4 on. `train` finds them in text.
        normalization: "NFC", "NFKC" or "NFD".
        protected: Those of the symbols, of any length, that are one token wherever they occur in a
            text, and that normalization does not change.

    Raises:
        TypeError: If a symbol is no `str`.
        ValueError: If a symbol is not a single code point, duplicated, or not normalized.

    >>> tokenizer = CharacterTokenizer.train(["한글"], normalization="NFD")
    >>> len(tokenizer.encode("한글"))
    6
    >>> tokenizer.decode(tokenizer.encode("글 한"))
    '글⁇한'
    """

    def __init__(
        self, symbols: Sequence[str], *, normalization: str = "NFC", protected: Sequence[str] = ()
    ) -> None:
        super().__init__(symbols, normalization, protected)
        for symbol in self.symbols:
            if len(symbol) != 1 and symbol not in self.protected:
                raise ValueError(
                    f"a character must be one code point. Received: {symbol!r}. Take it apart."
                )

    @classmethod
    def train(
        cls,
        lines: Iterable[str],
        vocabulary_size: int | None = None,
        *,
        normalization: str = "NFC",
        protected: Sequence[str] = (),
    ) -> "CharacterTokenizer":
        """Builds a vocabulary of the most frequent characters; ties are sorted by code points.

        Args:
            lines: The text, read once. For one vocabulary on both sides, chain their lines.
            vocabulary_size: The largest number of ids, the four special ones included. None for
                all characters.
            normalization: "NFC", "NFKC" or "NFD".
            protected: Symbols such as "<2de>", which are one token wherever they occur.

        Returns:
            The tokenizer.

        Raises:
            TypeError: If `lines` is one `str`, or a line is no `str`.
            ValueError: If there is no character, or `vocabulary_size` is too small.
        """
        kept = check_protected(protected)
        symbols = most_frequent(lines, vocabulary_size, normalization, list, kept, kept)
        return cls(symbols, normalization=normalization, protected=kept)

    def _split(self, text: str) -> list[str]:
        return list(text)

    def _split_in_graph(self, text: "tf.Tensor") -> "tf.RaggedTensor":
        import tensorflow as tf

        return tf.strings.unicode_split(text, "UTF-8")

    def _join(self, symbols: Iterable[str]) -> str:
        return "".join(symbols)

    def _join_in_graph(self, symbols: "tf.RaggedTensor") -> "tf.Tensor":
        import tensorflow as tf

        return tf.strings.reduce_join(symbols, axis=-1)

    @classmethod
    def from_files(cls, settings: dict[str, Any], folder: Path) -> "CharacterTokenizer":
        """See `Tokenizer`."""
        return cls(
            settings["symbols"],
            normalization=settings["normalization"],
            protected=settings.get("protected", ()),
        )

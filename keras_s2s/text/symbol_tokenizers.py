"""Tokenizers that look up whole words or single characters in a list."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_s2s.special_ids import SPECIAL_PIECES, UNK_ID, UNKNOWN_TEXT
from keras_s2s.text.registry import register_tokenizer
from keras_s2s.text.symbols import check_symbols, most_frequent
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
    """What words and characters share: a list of symbols, the first of which has id 4."""

    def __init__(self, symbols: Sequence[str], normalization: str) -> None:
        super().__init__(normalization)
        check_symbols(symbols, normalization)
        self.symbols = tuple(symbols)
        self._id_of = {symbol: index for index, symbol in enumerate(symbols, len(SPECIAL_PIECES))}

    @abstractmethod
    def _split(self, text: str) -> list[str]:
        """Takes normalized text apart."""

    @abstractmethod
    def _split_in_graph(self, text: "tf.Tensor") -> "tf.RaggedTensor":
        """Takes normalized text apart, from string [B] to string [B, None]."""

    @abstractmethod
    def _join(self, symbols: Iterable[str]) -> str:
        """Puts symbols together to text."""

    @abstractmethod
    def _join_in_graph(self, symbols: "tf.RaggedTensor") -> "tf.Tensor":
        """Puts symbols together to text, from string [B, None] to string [B]."""

    @property
    def vocabulary_size(self) -> int:
        """The number of ids, the four special ones included."""
        return len(SPECIAL_PIECES) + len(self.symbols)

    def _symbol(self, index: int) -> str:
        return self.symbols[index - len(SPECIAL_PIECES)]

    def encode_normalized(self, text: str) -> list[int]:
        """See `Tokenizer`."""
        return [self._id_of.get(symbol, UNK_ID) for symbol in self._split(text)]

    def decode_tokens(self, ids: list[int], unknown: list[str]) -> str:
        """See `Tokenizer`."""
        words = chain(unknown, repeat(UNKNOWN_TEXT))
        return self._join(next(words) if i == UNK_ID else self._symbol(i) for i in ids)

    def normalized_surfaces(self, text: str) -> list[str]:
        """See `Tokenizer`."""
        return [symbol.replace(JOINER, "") for symbol in self._split(text)]

    def piece(self, index: int) -> str:
        """See `Tokenizer`."""
        return self._symbol(index).replace(JOINER, _VISIBLE_JOINER)

    def make_in_graph(self) -> "TextModule":
        """See `Tokenizer`."""
        from keras_s2s.text.tensorflow_ops import SymbolModule

        return SymbolModule(
            self.symbols, self.normalization, self._split_in_graph, self._join_in_graph
        )

    def get_config(self) -> dict[str, Any]:
        """See `Tokenizer`."""
        return {**super().get_config(), "symbols": list(self.symbols)}

    def write_files(self, folder: Path) -> dict[str, Any]:
        """See `Tokenizer`; clients in other languages read these entries."""
        return self.get_config()


@register_tokenizer
class WordTokenizer(_SymbolTokenizer):
    """One id for each word between blanks: words, or symbols such as phonemes.

    With `split_punctuation`, a mark has an id of its own, which remembers on which side no blank
    stood: "Don't stop." becomes Don · ￭'￭ · t · stop · ￭. and decodes to the same text. Marks are
    ASCII's punctuation and symbols and an explicit list of other scripts' marks; modifier letters
    such as "ʰ", "ː" or "ʼ" and combining marks are none, so that phonetic symbols stay whole.

    Args:
        symbols: What the ids from 4 on stand for. `train` finds them in text.
        normalization: "NFC", "NFKC" or "NFD".
        split_punctuation: Whether marks are taken off the words. Without, only blanks separate.

    Raises:
        TypeError: If a symbol is no `str`.
        ValueError: If a symbol is empty, twice there, not normalized, or contains a blank.

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
    ) -> None:
        super().__init__(symbols, normalization)
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
    ) -> "WordTokenizer":
        """Takes the most frequent words; of equally frequent ones, the lower code points first.

        Args:
            lines: The text, read once. For one vocabulary on both sides, chain their lines.
            vocabulary_size: The largest number of ids, the four special ones included. None takes
                all words.
            normalization: "NFC", "NFKC" or "NFD".
            split_punctuation: Whether marks are taken off the words.

        Returns:
            The tokenizer.

        Raises:
            TypeError: If `lines` is one `str`, or a line is no `str`.
            ValueError: If there is no word, or `vocabulary_size` is below 5.
        """
        split = split_words if split_punctuation else str.split
        symbols = most_frequent(lines, vocabulary_size, normalization, split)
        return cls(symbols, normalization=normalization, split_punctuation=split_punctuation)

    def _split(self, text: str) -> list[str]:
        return split_words(text) if self.split_punctuation else text.split()

    def _split_in_graph(self, text: "tf.Tensor") -> "tf.RaggedTensor":
        import tensorflow as tf

        return split_words_in_graph(text) if self.split_punctuation else tf.strings.split(text)

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
        )


@register_tokenizer
class CharacterTokenizer(_SymbolTokenizer):
    """One id for each code point of the normalized text, the blank included.

    With "NFD" a Hangul syllable is two or three ids, its jamo, and a letter with an accent is two;
    decoding puts them together again.

    Args:
        symbols: What the ids from 4 on stand for. `train` finds them in text.
        normalization: "NFC", "NFKC" or "NFD".

    Raises:
        TypeError: If a symbol is no `str`.
        ValueError: If a symbol is no single code point, twice there, or not normalized.

    >>> tokenizer = CharacterTokenizer.train(["한글"], normalization="NFD")
    >>> len(tokenizer.encode("한글"))
    6
    >>> tokenizer.decode(tokenizer.encode("글 한"))
    '글⁇한'
    """

    def __init__(self, symbols: Sequence[str], *, normalization: str = "NFC") -> None:
        super().__init__(symbols, normalization)
        for symbol in self.symbols:
            if len(symbol) != 1:
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
    ) -> "CharacterTokenizer":
        """Takes the most frequent characters; of equally frequent ones, the lower code points.

        Args:
            lines: The text, read once. For one vocabulary on both sides, chain their lines.
            vocabulary_size: The largest number of ids, the four special ones included. None takes
                all characters.
            normalization: "NFC", "NFKC" or "NFD".

        Returns:
            The tokenizer.

        Raises:
            TypeError: If `lines` is one `str`, or a line is no `str`.
            ValueError: If there is no character, or `vocabulary_size` is below 5.
        """
        symbols = most_frequent(lines, vocabulary_size, normalization, list)
        return cls(symbols, normalization=normalization)

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
        return cls(settings["symbols"], normalization=settings["normalization"])

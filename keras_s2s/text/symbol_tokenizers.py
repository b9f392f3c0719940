"""Tokenizers that look up whole words or single characters in a list."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_s2s.special_ids import SPECIAL_PIECES, UNK_ID, UNKNOWN_TEXT
from keras_s2s.text.normalization import check_form, normalize, normalize_lines
from keras_s2s.text.tokenizer import Tokenizer
from keras_s2s.text.tokenizer_files import check_vocabulary_size
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
        _check_symbols(symbols, normalization)
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

    def _ids_of(self, text: str) -> list[int]:
        return [self._id_of.get(symbol, UNK_ID) for symbol in self._split(text)]

    def _text_of(self, ids: list[int], unknown: list[str]) -> str:
        words = chain(unknown, repeat(UNKNOWN_TEXT))
        return self._join(next(words) if i == UNK_ID else self._symbol(i) for i in ids)

    def _surfaces_of(self, text: str) -> list[str]:
        return [symbol.replace(JOINER, "") for symbol in self._split(text)]

    def _piece(self, index: int) -> str:
        return self._symbol(index).replace(JOINER, _VISIBLE_JOINER)

    def _make_in_graph(self) -> "TextModule":
        from keras_s2s.text.tensorflow_ops import SymbolModule

        return SymbolModule(
            self.symbols, self.normalization, self._split_in_graph, self._join_in_graph
        )

    def _save(self, folder: Path) -> dict[str, Any]:
        return {"symbols": list(self.symbols)}


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
        symbols = _most_frequent(lines, vocabulary_size, normalization, split)
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

    def _save(self, folder: Path) -> dict[str, Any]:
        return {"split_punctuation": self.split_punctuation, **super()._save(folder)}

    @classmethod
    def _from_saved(cls, settings: dict[str, Any], folder: Path) -> "WordTokenizer":
        if not isinstance(settings["split_punctuation"], bool):
            raise ValueError(f"split_punctuation={settings['split_punctuation']!r}")
        return cls(
            settings["symbols"],
            normalization=settings["normalization"],
            split_punctuation=settings["split_punctuation"],
        )


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
        symbols = _most_frequent(lines, vocabulary_size, normalization, list)
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
    def _from_saved(cls, settings: dict[str, Any], folder: Path) -> "CharacterTokenizer":
        return cls(settings["symbols"], normalization=settings["normalization"])


def _most_frequent(
    lines: Iterable[str],
    vocabulary_size: int | None,
    form: str,
    split: Callable[[str], list[str]],
) -> list[str]:
    """Returns the symbols of the lines, those of higher frequency and lower code points first."""
    check_form(form)
    check_vocabulary_size(vocabulary_size)
    counts: Counter[str] = Counter()
    for line in normalize_lines(lines, form):
        counts.update(split(line))
    symbols = sorted(counts, key=lambda symbol: (-counts[symbol], symbol))
    return symbols if vocabulary_size is None else symbols[: vocabulary_size - len(SPECIAL_PIECES)]


def _check_symbols(symbols: Sequence[str], form: str) -> None:
    if not isinstance(symbols, (list, tuple)):
        raise TypeError(
            f"symbols must be a list of str. Received: symbols={symbols!r}. "
            "Use train to find them in text."
        )
    if not symbols:
        raise ValueError("a vocabulary needs at least one symbol. Received: none. Give more text.")
    seen: set[str] = set()
    for symbol in symbols:
        if not isinstance(symbol, str):
            raise TypeError(f"every symbol must be a str. Received: {symbol!r}. Make it one.")
        bare = symbol.replace(JOINER, "")
        if not bare or (bare != " " and normalize(bare, form) != bare):
            raise ValueError(
                f"every symbol must be normalized text ({form}). Received: {symbol!r}. "
                "Normalize it first, or let train find the symbols."
            )
        if symbol in seen:
            raise ValueError(f"symbols must differ. Received: {symbol!r} twice. Take one out.")
        seen.add(symbol)

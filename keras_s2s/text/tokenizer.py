"""The base class of tokenizers: text to ids and back, in Python and in the TensorFlow graph."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from keras_s2s.special_ids import END_ID, PAD_ID, SPECIAL_PIECES, START_ID
from keras_s2s.text.normalization import check_form, normalize, normalize_lines
from keras_s2s.text.registry import check_findable
from keras_s2s.text.tokenizer_files import (
    build,
    missing_method,
    read_settings,
    write_settings,
)

if TYPE_CHECKING:
    import tensorflow as tf

    from keras_s2s.text.tensorflow_ops import TextModule


AnyTokenizer = TypeVar("AnyTokenizer", bound="Tokenizer")


class Tokenizer(ABC):
    """Converts text to ids and ids to text.

    Ids 0 to 3 are padding, unknown, start and end; text is never encoded to 0, 2 or 3. Text is
    normalized first (`keras_s2s.text.normalization`), and decoded text is NFC, so
    `decode(encode(text)) == normalize(text)` whenever the vocabulary covers the text (under NFKC:
    `== normalize(text, "NFKC")`).

    A subclass implements `train`, `vocabulary_size`, `encode_normalized`, `decode_tokens` and
    `piece`, and `get_config` if its constructor has other arguments than `normalization`. It may
    also implement

    - `normalized_surfaces`, for `replace_unknown` when translating,
    - `make_in_graph`, for SavedModel exports, which tokenize inside the graph,
    - `write_files` and `from_files`, if the configuration does not hold all that it needs.

    `load_tokenizer` finds the class in `custom_objects`, or if it was registered with
    `keras_s2s.text.tokenizers.register_tokenizer` or `keras.saving.register_keras_serializable`.

    Args:
        normalization: "NFC" (loses nothing), "NFKC", or "NFD" (Hangul as jamo).

    Raises:
        ValueError: If `normalization` is another value.

    Example:
        >>> class Digits(Tokenizer):
        ...     vocabulary_size = 14
        ...     @classmethod
        ...     def train(cls, lines, vocabulary_size=None, *, normalization="NFC"):
        ...         return cls(normalization)
        ...     def encode_normalized(self, text):
        ...         return [4 + "0123456789".find(c) if c.isdigit() else 1 for c in text]
        ...     def decode_tokens(self, ids, unknown):
        ...         return "".join("?" if index == 1 else self.piece(index) for index in ids)
        ...     def piece(self, index):
        ...         return str(index - 4)
        >>> digits = Digits.train([])
        >>> digits.encode(" 31x "), digits.decode([7, 5, 1, 3])
        ([7, 5, 1], '31?')
    """

    protected: tuple[str, ...] = ()  # Symbols that are always one token; see the subclasses.

    def __init__(self, normalization: str = "NFC") -> None:
        self.normalization = check_form(normalization)

    @classmethod
    @abstractmethod
    def train(
        cls,
        lines: Iterable[str],
        vocabulary_size: int | None = None,
        *,
        normalization: str = "NFC",
    ) -> "Tokenizer":
        """Builds a tokenizer from text.

        Args:
            lines: The text, read once. For one vocabulary on both sides, chain their lines.
            vocabulary_size: The largest number of ids, the four special ones included. None leaves
                it to the tokenizer.
            normalization: "NFC", "NFKC" or "NFD".

        Returns:
            The tokenizer.

        Raises:
            TypeError: If `lines` is one `str`, or a line is no `str`.
            ValueError: If there is no text, or `vocabulary_size` is too small.
        """

    @property
    @abstractmethod
    def vocabulary_size(self) -> int:
        """The number of ids, the four special ones included."""

    @abstractmethod
    def encode_normalized(self, text: str) -> list[int]:
        """Returns the ids of normalized text; `encode` normalizes and calls it."""

    @abstractmethod
    def decode_tokens(self, ids: list[int], unknown: list[str]) -> str:
        """Returns the text of ids that are not padding, start or end; see `decode`."""

    @abstractmethod
    def piece(self, index: int) -> str:
        """Returns a readable form of one id that is not special; see `pieces`."""

    def normalized_surfaces(self, text: str) -> list[str]:
        """Returns the part of normalized text that each of its ids stands for; see `surfaces`."""
        raise missing_method(self, "normalized_surfaces", "Unknown words are replaced")

    def make_in_graph(self) -> "TextModule":
        """Returns the same tokenizer made of TensorFlow operations; see `in_graph`."""
        raise missing_method(self, "make_in_graph", "Text is tokenized in a TensorFlow graph")

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of the constructor, by name."""
        return {"normalization": self.normalization}

    @classmethod
    def from_config(cls: type[AnyTokenizer], config: dict[str, Any]) -> AnyTokenizer:
        """Builds a tokenizer from what `get_config` returned."""
        return cls(**config)

    def write_files(self, folder: Path) -> dict[str, Any]:
        """Writes what `save` does not, into its folder; returns what its JSON file holds."""
        return {"config": self.get_config()}

    @classmethod
    def from_files(cls: type[AnyTokenizer], settings: dict[str, Any], folder: Path) -> AnyTokenizer:
        """Builds a tokenizer from the JSON that `save` wrote, and the files beside it."""
        return cls.from_config(settings["config"])

    def encode(self, text: str) -> list[int]:
        """Returns the ids of one text, without start and end marks.

        Args:
            text: One sentence. Leading and trailing white space is ignored.

        Returns:
            The ids; none for empty text.

        Raises:
            TypeError: If `text` is no `str`.
            ValueError: If `text` holds a lone surrogate.
        """
        return self.encode_normalized(normalize(text, self.normalization, self.protected))

    def encode_all(self, texts: Iterable[str]) -> list[list[int]]:
        """Returns the ids of many texts.

        Args:
            texts: Sentences.

        Returns:
            A list of ids for each text, as `encode` gives it.

        Raises:
            TypeError: If `texts` is one `str`, or one of them is no `str`.
            ValueError: If a text holds a lone surrogate.
        """
        lines = normalize_lines(texts, self.normalization, self.protected)
        return list(map(self.encode_normalized, lines))

    def surfaces(self, text: str) -> list[str]:
        """Returns the part of a text that each of its ids stands for, the unknown ones included.

        Args:
            text: As for `encode`.

        Returns:
            One string for each id of `encode(text)`, as it stands in the normalized text: the word
            or the character. For a subword, the whole word that it is a part of, without the
            punctuation at its ends; a run of unknown characters that is one id stands alone.

        Raises:
            TypeError, ValueError: As `encode`.
        """
        return self.normalized_surfaces(normalize(text, self.normalization, self.protected))

    def decode(self, ids: Iterable[int], unknown: Iterable[str] = ()) -> str:
        """Returns the text of ids.

        Args:
            ids: Ids of one sentence. Padding, start and end marks are left out.
            unknown: Replacements for the unknown ids, in their order.

        Returns:
            Text in NFC, with single spaces; "⁇" for each unknown id without a replacement.

        Raises:
            ValueError: If an id is outside of the vocabulary.
        """
        marks = (PAD_ID, START_ID, END_ID)
        kept = [index for index in self._check_ids(ids) if index not in marks]
        return normalize(self.decode_tokens(kept, list(unknown)), "NFC", self.protected)

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """Returns a readable form of each id, for labels of an attention plot, for example.

        Args:
            ids: Ids of one sentence.

        Returns:
            One string for each id; "<pad>", "<unk>", "<s>" and "</s>" for the special ones.

        Raises:
            ValueError: If an id is outside of the vocabulary.
        """
        return [
            SPECIAL_PIECES[index] if index < len(SPECIAL_PIECES) else self.piece(index)
            for index in self._check_ids(ids)
        ]

    def _check_ids(self, ids: Iterable[int]) -> list[int]:
        numbers = [int(index) for index in ids]
        for index in numbers:
            if not 0 <= index < self.vocabulary_size:
                raise ValueError(
                    f"ids must be from 0 to {self.vocabulary_size - 1}. Received: id={index}. "
                    "Decode with the tokenizer that the model was trained with."
                )
        return numbers

    @cached_property
    def in_graph(self) -> "TextModule":
        """The same tokenizer made of TensorFlow operations, a `tf.Module` that owns its tables.

        Raises:
            ImportError: If tensorflow-text is missing.
            TypeError: If the class does not implement `make_in_graph`.
        """
        import tensorflow as tf

        with tf.init_scope():  # The first use may be inside a function that is being traced.
            return self.make_in_graph()

    def tokenize(self, text: "tf.Tensor") -> "tf.RaggedTensor":
        """Equals `encode_all`, inside a TensorFlow graph; raises as `in_graph`.

        Args:
            text: UTF-8, string [B].

        Returns:
            Ids, int32 [B, None].
        """
        return self.in_graph.tokenize(text)

    def detokenize(self, ids: "tf.Tensor | tf.RaggedTensor") -> "tf.Tensor":
        """Equals `decode`, inside a TensorFlow graph; raises as `in_graph`.

        Args:
            ids: Ids, int32 [B, T], ragged or padded.

        Returns:
            UTF-8, string [B].
        """
        return self.in_graph.detokenize(ids)

    def save(self, folder: str | Path) -> None:
        """Writes the tokenizer into a folder: a JSON file, and what `write_files` writes.

        Args:
            folder: Created if needed. One folder holds one tokenizer.

        Raises:
            ValueError: If `load_tokenizer` could not find the class. Nothing is written then.
        """
        check_findable(Tokenizer, type(self))
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        name, form, size = type(self).__name__, self.normalization, self.vocabulary_size
        settings = {"class": name, "normalization": form, "vocabulary_size": size}
        write_settings(folder, {**settings, **self.write_files(folder)})

    @classmethod
    def load(cls: type[AnyTokenizer], folder: str | Path) -> AnyTokenizer:
        """Reads what `save` wrote.

        Args:
            folder: The folder.

        Returns:
            A tokenizer that gives the same ids.

        Raises:
            ValueError: If the folder holds none, one of another class, or a damaged one.
        """
        folder = Path(folder)
        return build(cls, read_settings(folder, cls.__name__), folder)

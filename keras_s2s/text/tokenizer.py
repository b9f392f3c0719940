"""What every tokenizer is: text to ids and back, in Python and in the graph, saved in a folder."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from keras_s2s.special_ids import END_ID, PAD_ID, SPECIAL_PIECES, START_ID
from keras_s2s.text.normalization import check_form, normalize, normalize_lines
from keras_s2s.text.tokenizer_files import SETTINGS_FILE, damaged, read_settings, write_settings

if TYPE_CHECKING:
    import tensorflow as tf

    from keras_s2s.text.tensorflow_ops import TextModule


AnyTokenizer = TypeVar("AnyTokenizer", bound="Tokenizer")


class Tokenizer(ABC):
    """Turns text into ids and ids into text.

    Ids 0 to 3 are padding, unknown, start and end; no text is ever encoded to 0, 2 or 3. Text is
    normalized first (`keras_s2s.text.normalization`), and decoded text is NFC, so
    `decode(encode(text)) == normalize(text)` whenever the vocabulary knows every part of the text
    (under NFKC: `== normalize(text, "NFKC")`).

    Args:
        normalization: "NFC" (loses nothing), "NFKC", or "NFD" (Hangul as jamo).

    Raises:
        ValueError: If `normalization` is another value.
    """

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
    def _ids_of(self, text: str) -> list[int]:
        """Returns the ids of normalized text."""

    @abstractmethod
    def _text_of(self, ids: list[int], unknown: list[str]) -> str:
        """Returns the text of ids that are neither padding, start nor end; see `decode`."""

    @abstractmethod
    def _surfaces_of(self, text: str) -> list[str]:
        """Returns what each id of normalized text stands for; see `surfaces`."""

    @abstractmethod
    def _piece(self, index: int) -> str:
        """Returns what an id that is not special stands for, as a reader wants to see it."""

    @abstractmethod
    def _make_in_graph(self) -> "TextModule":
        """Returns the same tokenizer made of TensorFlow operations."""

    @abstractmethod
    def _save(self, folder: Path) -> dict[str, Any]:
        """Returns what only this kind saves, ready for JSON; other files it writes itself."""

    @classmethod
    @abstractmethod
    def _from_saved(
        cls: type[AnyTokenizer], settings: dict[str, Any], folder: Path
    ) -> AnyTokenizer:
        """Returns the tokenizer that was saved, or raises an error that says what is wrong."""

    def encode(self, text: str) -> list[int]:
        """Returns the ids of one text, without start and end marks.

        Args:
            text: One sentence. White space at its ends does not count.

        Returns:
            The ids; none for empty text.

        Raises:
            TypeError: If `text` is no `str`.
            ValueError: If `text` holds a lone surrogate.
        """
        return self._ids_of(normalize(text, self.normalization))

    def encode_all(self, texts: Iterable[str]) -> list[list[int]]:
        """Returns the ids of many texts, the fast way.

        Args:
            texts: Sentences.

        Returns:
            A list of ids for each text, as `encode` gives it.

        Raises:
            TypeError: If `texts` is one `str`, or one of them is no `str`.
            ValueError: If a text holds a lone surrogate.
        """
        return [self._ids_of(text) for text in normalize_lines(texts, self.normalization)]

    def surfaces(self, text: str) -> list[str]:
        """Returns what stands in a text for each of its ids, the unknown ones too.

        Args:
            text: As for `encode`.

        Returns:
            One string for each id of `encode(text)`, as the normalized text has it: the word or
            the character. For a subword the whole word that it is a part of, without the marks at
            its ends; but the run of unknown characters that is one id stands alone.

        Raises:
            TypeError: As `encode`.
            ValueError: As `encode`.
        """
        return self._surfaces_of(normalize(text, self.normalization))

    def decode(self, ids: Iterable[int], unknown: Iterable[str] = ()) -> str:
        """Returns the text of ids.

        Args:
            ids: Ids of one sentence. Padding, start and end marks are left out.
            unknown: What to put in place of the unknown ids, in turn.

        Returns:
            Text in NFC, with single blanks; "⁇" for what stays unknown.

        Raises:
            ValueError: If an id is outside of the vocabulary.
        """
        marks = (PAD_ID, START_ID, END_ID)
        kept = [index for index in self._check_ids(ids) if index not in marks]
        return normalize(self._text_of(kept, list(unknown)), "NFC")

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """Returns what each id stands for, to be read by people (in a picture, for example).

        Args:
            ids: Ids of one sentence.

        Returns:
            One piece for each id; "<pad>", "<unk>", "<s>" and "</s>" for the special ones.

        Raises:
            ValueError: If an id is outside of the vocabulary.
        """
        return [
            SPECIAL_PIECES[index] if index < len(SPECIAL_PIECES) else self._piece(index)
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
        """The same tokenizer made of TensorFlow operations, a `tf.Module`.

        It owns the tables. A module that is exported must keep it as an attribute.

        Raises:
            ImportError: If tensorflow-text is missing.
        """
        import tensorflow as tf

        with tf.init_scope():  # The first use may be inside a function that is being traced.
            return self._make_in_graph()

    def tokenize(self, text: "tf.Tensor") -> "tf.RaggedTensor":
        """Does what `encode_all` does inside a TensorFlow graph, with the same result.

        Args:
            text: UTF-8, string [B].

        Returns:
            Ids, int32 [B, None].

        Raises:
            ImportError: If tensorflow-text is missing.
            ValueError: If `text` is not a vector.
        """
        return self.in_graph.tokenize(text)

    def detokenize(self, ids: "tf.Tensor | tf.RaggedTensor") -> "tf.Tensor":
        """Does what `decode` does inside a TensorFlow graph, with the same result.

        Args:
            ids: Ids, int32 [B, T], ragged or padded.

        Returns:
            UTF-8, string [B].

        Raises:
            ImportError: If tensorflow-text is missing.
        """
        return self.in_graph.detokenize(ids)

    def save(self, folder: str | Path) -> None:
        """Writes the tokenizer into a folder, as JSON and for SentencePiece its model file.

        Args:
            folder: Made if it does not exist. One folder holds one tokenizer.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "class": type(self).__name__,
            "normalization": self.normalization,
            "vocabulary_size": self.vocabulary_size,
        }
        write_settings(folder, {**settings, **self._save(folder)})

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
        path = folder / SETTINGS_FILE
        settings = read_settings(folder)
        if settings["class"] != cls.__name__:
            raise ValueError(
                f"{path} must hold a {cls.__name__}. Received: class={settings['class']!r}. "
                "Use load_tokenizer, which finds the class by itself."
            )
        try:
            tokenizer = cls._from_saved(settings, folder)
        except (KeyError, TypeError, ValueError) as error:
            reason = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise ValueError(damaged(path, reason)) from error
        if tokenizer.vocabulary_size != settings.get("vocabulary_size"):
            reason = f"{tokenizer.vocabulary_size} ids instead of vocabulary_size"
            raise ValueError(damaged(path, reason))
        return tokenizer

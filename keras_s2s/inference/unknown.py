"""Unknown words of a translation, replaced by words of the source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from keras_s2s.special_ids import UNK_ID
from keras_s2s.text.normalization import normalize
from keras_s2s.text.tokenizers import Tokenizer

if TYPE_CHECKING:
    import numpy as np


class UnknownWords:
    """Replaces each unknown id by the source word with the highest attention weight at its step.

    It needs neither a model nor Keras: trained and exported translators share it.

    Args:
        source_tokenizer: Tokenizer of the source.
        target_tokenizer: Tokenizer of the translation.
        dictionary: Translations of source words; words that it lacks are copied.

    Raises:
        TypeError: `dictionary` is no mapping from strings to strings.

    Example:
        >>> import numpy as np
        >>> from keras_s2s import WordTokenizer
        >>> source, target = WordTokenizer(["a", "dog"]), WordTokenizer(["ein", "Hund"])
        >>> weights = np.array([[0.9, 0.0, 0.1], [0.1, 0.6, 0.3], [0.0, 0.0, 1.0]])
        >>> words = UnknownWords(source, target, {"unicorn": "Einhorn"})
        >>> words.text("a unicorn", [4, 1, 3], weights), words.text("a gnu", [4, 1, 3], weights)
        ('ein Einhorn', 'ein gnu')

    Source: Luong et al. 2015, "Addressing the Rare Word Problem in Neural Machine Translation",
    section 3 (dictionary, or the word itself); Jean et al. 2015, "On Using Very Large Target
    Vocabulary for Neural Machine Translation" (by the attention).
    """

    def __init__(
        self,
        source_tokenizer: Tokenizer,
        target_tokenizer: Tokenizer,
        dictionary: Mapping[str, str] | None = None,
    ) -> None:
        if not isinstance(dictionary, (Mapping, type(None))) or not all(
            isinstance(word, str) for entry in (dictionary or {}).items() for word in entry
        ):
            raise TypeError(
                "`dictionary` must map source words to target words. "
                f"Received: dictionary={dictionary!r}"
            )
        form = source_tokenizer.normalization
        self._source_tokenizer = source_tokenizer
        self._target_tokenizer = target_tokenizer
        self._dictionary: dict[str, str] = {}
        for key, word in (dictionary or {}).items():
            self._dictionary.setdefault(normalize(key, form), word)

    def text(self, source: str, target: list[int], weights: np.ndarray) -> str:
        """Return the text of a translation.

        Args:
            source: The text that was translated; one that is not blank.
            target: The T ids of the translation.
            weights: Its attention weights, float32 `[T, S]`; the last of the S is the end mark.

        Returns:
            The text without unknown words.
        """
        positions = [position for position, index in enumerate(target) if index == UNK_ID]
        if not positions:
            return self._target_tokenizer.decode(target)
        surfaces = self._source_tokenizer.surfaces(source)
        attended = weights[positions, :-1].argmax(axis=-1)  # The end mark is no word.
        words: list[str] = [surfaces[position] for position in attended]
        found = [self._dictionary.get(word, word) for word in words]
        return self._target_tokenizer.decode(target, unknown=found)


def unknown_words(
    source_tokenizer: Tokenizer,
    target_tokenizer: Tokenizer,
    replace_unknown: bool,
    dictionary: Mapping[str, str] | None,
    has_attention: bool,
) -> UnknownWords | None:
    """What replaces unknown words, or `None` where nothing is to be replaced; arguments checked.

    Raises:
        TypeError: As `UnknownWords`.
        ValueError: The model has no attention, or the dictionary would not be used.
    """
    if not replace_unknown:
        if dictionary is not None:
            raise ValueError(
                "`dictionary` is for unknown words. Received: a dictionary and "
                f"replace_unknown={replace_unknown}. Ask for replace_unknown=True too."
            )
        return None
    if not has_attention:
        raise ValueError(
            "Unknown words are replaced by what the attention looked at; a model without attention "
            "looks at none. Received: replace_unknown=True. Leave it out, or train with attention."
        )
    return UnknownWords(source_tokenizer, target_tokenizer, dictionary)

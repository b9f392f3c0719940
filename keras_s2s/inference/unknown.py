"""Words of the source in place of those that an answer could not spell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from keras_s2s.special_ids import UNK_ID
from keras_s2s.text.normalization import normalize
from keras_s2s.text.tokenizers import Tokenizer

if TYPE_CHECKING:
    import numpy as np


class UnknownWords:
    """Puts in place of an unknown id what its step's attention looked at most in the source.

    It knows no model and no Keras: translators and exports share it.

    Args:
        source_tokenizer: Cut the source.
        target_tokenizer: Puts the answer together.
        dictionary: Translations of source words; a word that it does not hold is copied.

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
        """An answer's text.

        Args:
            source: The text that was translated; one that is not blank.
            target: The T ids of the answer.
            weights: Its attention, float32 `[T, S]`; the last of the S is the end mark.

        Returns:
            The text without unknown words.
        """
        places = [place for place, index in enumerate(target) if index == UNK_ID]
        if not places:
            return self._target_tokenizer.decode(target)
        surfaces = self._source_tokenizer.surfaces(source)
        looked_at = weights[places, :-1].argmax(axis=-1)  # The end mark is no word.
        words: list[str] = [surfaces[place] for place in looked_at]
        found = [self._dictionary.get(word, word) for word in words]
        return self._target_tokenizer.decode(target, unknown=found)


def unknown_words(
    source_tokenizer: Tokenizer,
    target_tokenizer: Tokenizer,
    replace_unknown: bool,
    dictionary: Mapping[str, str] | None,
    has_attention: bool,
) -> UnknownWords | None:
    """What replaces unknown words as a translator is asked to, or `None`; checked at the door.

    Raises:
        TypeError: As `UnknownWords`.
        ValueError: There is no attention, or a dictionary that nothing would use.
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

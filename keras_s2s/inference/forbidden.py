"""Forbidden words and phrases, as constraints of a search."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from keras_s2s.search.constraints import MOST_FORBIDDEN, Constraints
from keras_s2s.text.normalization import without_surrogates
from keras_s2s.text.spellings import Spellings
from keras_s2s.text.tokenizer import Tokenizer


def forbid(
    phrases: Iterable[str], tokenizer: Tokenizer, constraints: Constraints = Constraints()
) -> Constraints:
    """Forbid words and phrases: however its tokens cut it, none occurs in a translation.

    A phrase counts from the beginning of a word, upper and lower case apart. Its last token is
    passed over when the ones before have been produced. What would follow is not known then, so
    that a longer word is forbidden as well where a token ends inside it: with subwords, "cat" rules
    out "▁cat" + "alogue", not "▁catalogue"; with characters it rules out every word that begins
    with it; with words it is that word alone. The text is that of the tokenizer, before unknown
    words are replaced.

    Args:
        phrases: Words and phrases of up to 99 characters. Those that the vocabulary can't spell
            can't occur.
        tokenizer: That of the translations.
        constraints: What else is to be kept.

    Returns:
        The constraints, with up to 10,000 sequences of token ids.

    Raises:
        TypeError: The phrases are one string, no iterable, or one is no string.
        ValueError: A phrase is blank or too long, or there are more sequences.

    Example:
        >>> from keras_s2s import Beam, WordTokenizer
        >>> words = WordTokenizer.train(["a black cat", "a catalogue"])
        >>> forbid(["cat", "a black"], words)
        Constraints(forbidden=((6,), (4, 5)))
        >>> search = Beam(constraints=forbid(["cat"], words, Constraints(no_repeat_ngram_size=3)))
    """
    if isinstance(phrases, (str, bytes)) or not isinstance(phrases, Iterable):
        raise TypeError(
            "`phrases` must be a list or another iterable of strings. Received: "
            f"phrases={phrases!r}"
        )
    spellings = Spellings(tokenizer)
    found = dict.fromkeys(constraints.forbidden)
    for phrase in phrases:
        if not isinstance(phrase, str):
            raise TypeError(f"A forbidden phrase must be a string. Received: {phrase!r}")
        new = spellings.of(without_surrogates(phrase), MOST_FORBIDDEN - len(found))
        found |= dict.fromkeys(new)
    return replace(constraints, forbidden=tuple(found), boundaries=spellings.boundaries)

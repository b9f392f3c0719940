"""A tag before every source, which tells a model of several languages which one is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from keras_s2s.special_ids import UNK_ID
from keras_s2s.text.normalization import normalize, without_surrogates
from keras_s2s.text.tokenizer import Tokenizer

BLANK = "\u2581"  # SentencePiece's space, which is a token of its own before a protected symbol.


def with_tag(texts: Iterable[str], tag: str, tokenizer: Tokenizer) -> TaggedTexts:
    """Put a tag before every text.

    Args:
        texts: Any number of texts. Blank ones stay blank, as their translations are empty.
        tag: One token of the tokenizer, such as "<2de>"; `train --protect` makes it one.
        tokenizer: The source tokenizer of the translator that gets the texts.

    Returns:
        An iterable of texts, for `Translator.translate` or `stream`.

    Raises:
        ValueError: The tag is not one known token.

    Example:
        >>> from keras_s2s import WordTokenizer
        >>> tokenizer = WordTokenizer.train(["a dog"], protected=["<2de>"])
        >>> list(with_tag(["a dog", ""], "<2de>", tokenizer))
        ['<2de> a dog', '']

    Source: Johnson et al. 2017, "Google's Multilingual Neural Machine Translation System",
    section 3.
    """
    pieces = tokenizer.encode(without_surrogates(tag))
    if len(pieces) > 1 and tokenizer.pieces(pieces[:1]) == [BLANK]:
        pieces = pieces[1:]
    if len(pieces) != 1 or pieces[0] == UNK_ID:
        known = ", ".join(tokenizer.protected[:20]) or "none"
        raise ValueError(
            f"A tag must be one token of the model's source tokenizer. Received: tag={tag!r}, "
            f"{_described(pieces)}. "
            f"Its protected symbols: {known}. A model is trained with tags by --protect."
        )
    return TaggedTexts(texts, tag, tokenizer)


def _described(pieces: list[int]) -> str:
    if pieces == [UNK_ID]:
        return "an unknown token"
    return f"{len(pieces)} tokens{', with an unknown one' if UNK_ID in pieces else ''}"


class TaggedTexts:
    """The texts that `with_tag` makes; they come one by one, as those that it is given.

    Args:
        texts: The texts.
        tag: The tag, checked.
        tokenizer: The tokenizer, which tells what is blank.
    """

    def __init__(self, texts: Iterable[str], tag: str, tokenizer: Tokenizer) -> None:
        self._texts, self._tag, self._tokenizer = texts, tag, tokenizer

    def __iter__(self) -> Iterator[str]:
        for text in self._texts:
            is_blank = isinstance(text, str) and not normalize(without_surrogates(text))
            yield text if is_blank or not isinstance(text, str) else f"{self._tag} {text}"

    def must_wait(self) -> bool:
        """Whether the next text has not come yet; see `windows`."""
        return getattr(self._texts, "must_wait", lambda: False)()

"""The options that describe the tokenizers of source and target."""

from __future__ import annotations

from typing import Any

from keras_s2s.text.options import TextOptions
from keras_s2s.text.tokenizers import (
    CharacterTokenizer,
    SentencePieceTokenizer,
    Tokenizer,
    WordTokenizer,
    have_same_files,
)

KINDS: dict[type, str] = {
    SentencePieceTokenizer: "sentencepiece",
    WordTokenizer: "word",
    CharacterTokenizer: "character",
}


def described_options(source: Tokenizer, target: Tokenizer) -> dict[str, Any]:
    """The options of the text, by name, that two tokenizers settle."""
    found: dict[str, Any] = {}
    kinds = KINDS.get(type(source)), KINDS.get(type(target))
    if None not in kinds:
        found["source_tokenizer"] = kinds[0]
        found["target_tokenizer"] = None if kinds[0] == kinds[1] else kinds[1]
    symbols = [getattr(one, "protected", ()) for one in (source, target)]
    if symbols[0] == symbols[1]:
        found["protect"] = tuple(symbols[0])
    found["source_normalization"] = source.normalization
    found["target_normalization"] = target.normalization
    is_alike = source.normalization == target.normalization
    if kinds == ("sentencepiece", "sentencepiece") and is_alike:
        found["joint_vocabulary"] = have_same_files(source, target)
    return found


def options_of_pair(source: Tokenizer, target: Tokenizer) -> TextOptions:
    """The options of the text that describe two tokenizers, their sizes included.

    Raises:
        TypeError: One is of a class of one's own, which no option names.

    Example:
        >>> tokenizer = WordTokenizer.train(["a b"])
        >>> options_of_pair(tokenizer, tokenizer).vocabulary_size
        6
    """
    for one in (source, target):
        if type(one) not in KINDS:
            names = ", ".join(kind.__name__ for kind in KINDS)
            raise TypeError(
                f"A corpus is prepared by tokenizers of these classes: {names}. "
                f"Received: a {type(one).__name__}"
            )
    size = max(source.vocabulary_size, target.vocabulary_size, 5)
    return TextOptions(vocabulary_size=size, **described_options(source, target))

"""Splits text into words and punctuation marks, reversibly."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from keras_s2s.text.protected import CLOSING, OPENING

if TYPE_CHECKING:
    import tensorflow as tf

# ASCII punctuation and symbols, and marks of other scripts that are written next to a word. An
# explicit list: `\w` and `\p{P}` differ between Python, RE2 and JavaScript, and between versions.
PUNCTUATION = (
    r"[!-/:-@\[-`{-~"
    "¡§«¶·»¿"
    "\u055a-\u055f\u0589\u058a"  # Armenian
    "\u05be\u05c0\u05c3\u05c6\u05f3\u05f4"  # Hebrew
    "\u060c\u061b\u061e\u061f\u066a-\u066d\u06d4"  # Arabic
    "\u0964\u0965"  # the dandas of India
    "\u2010-\u2027\u2030-\u205e"  # dashes, quotation marks, ellipsis
    "\u3001-\u3003\u3008-\u3011\u3014-\u301f\u30fb"  # Chinese and Japanese
    "\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]"  # full and half width
)

# Marks a boundary without a space. A control character, because normalized text contains none, and
# one that no runtime treats as white space.
JOINER = "\x01"

# In order: insert a joiner on both sides of every mark; remove joiners next to a space and at both
# ends; merge adjacent joiners; then attach each joiner to a neighboring mark and insert a space.
# These patterns and replacements mean the same in `re` and RE2.
SPLIT_RULES = (
    (f"({PUNCTUATION})", rf"{JOINER}\1{JOINER}"),
    (f"{JOINER}? {JOINER}?", " "),
    (f"^{JOINER}|{JOINER}$", ""),
    (f"{JOINER}+", JOINER),
    (f"{JOINER}({PUNCTUATION})", rf" {JOINER}\1"),
    (f"([^ ]){JOINER}", rf"\1{JOINER} "),
)
# A protected symbol, which OPENING stands for, has the same token everywhere. Where there is no
# space beside it, the joiner is a token of its own.
SYMBOL_RULES = (
    (OPENING, f"{CLOSING}{OPENING}{CLOSING}"),
    (f"{CLOSING}? {CLOSING}?", " "),
    (f"^{CLOSING}|{CLOSING}$", ""),
    (f"{CLOSING}+", f" {JOINER} "),
)
JOIN_RULE = (f" ?{JOINER} {JOINER}?| {JOINER}", "")

_SPLIT_REGEXES = [(re.compile(pattern), replacement) for pattern, replacement in SPLIT_RULES]
_SYMBOL_REGEXES = [(re.compile(pattern), replacement) for pattern, replacement in SYMBOL_RULES]
_JOIN_REGEX = re.compile(JOIN_RULE[0])
_OUTER_MARKS = re.compile(f"^{PUNCTUATION}+|{PUNCTUATION}+$")


def split_words(text: str, at_punctuation: bool = True) -> list[str]:
    r"""Splits at spaces, around protected symbols and around punctuation.

    Args:
        text: Normalized text, in which `protected.OPENING` stands for a symbol.
        at_punctuation: Whether to split around punctuation.

    Returns:
        The words and marks. A mark starts or ends with the joiner where the text had no space.

    >>> split_words("Don't (stop).")
    ['Don', "\x01'\x01", 't', '(\x01', 'stop', '\x01)', '\x01.']
    """
    for regex, replacement in _SPLIT_REGEXES if at_punctuation else ():
        text = regex.sub(replacement, text)
    for regex, replacement in _SYMBOL_REGEXES if OPENING in text else ():
        text = regex.sub(replacement, text)
    return text.split()


def join_words(words: Iterable[str]) -> str:
    """Inverts `split_words`.

    Args:
        words: The words and marks.

    Returns:
        The text.

    >>> join_words(split_words("Don't (stop)."))
    "Don't (stop)."
    """
    return _JOIN_REGEX.sub("", " ".join(words))


def strip_marks(word: str) -> str:
    """Removes leading and trailing punctuation from a word.

    Args:
        word: Normalized text without spaces.

    Returns:
        The rest of the word; the whole word if it is all punctuation.

    >>> strip_marks("(don't)."), strip_marks("...")
    ("don't", '...')
    """
    return _OUTER_MARKS.sub("", word) or word


def split_words_in_graph(text: "tf.Tensor", at_punctuation: bool = True) -> "tf.RaggedTensor":
    """Equals `split_words`, inside a TensorFlow graph.

    Args:
        text: Normalized text, string [B].
        at_punctuation: Whether to split around punctuation.

    Returns:
        The words and marks, string [B, None].
    """
    import tensorflow as tf

    for pattern, replacement in (*(SPLIT_RULES if at_punctuation else ()), *SYMBOL_RULES):
        text = tf.strings.regex_replace(text, pattern, replacement)
    return tf.strings.split(text)


def join_words_in_graph(words: "tf.RaggedTensor") -> "tf.Tensor":
    """Equals `join_words`, inside a TensorFlow graph.

    Args:
        words: The words and marks, string [B, None].

    Returns:
        The text, string [B].
    """
    import tensorflow as tf

    text = tf.strings.reduce_join(words, axis=-1, separator=" ")
    return tf.strings.regex_replace(text, *JOIN_RULE)

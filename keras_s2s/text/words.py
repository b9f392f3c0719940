"""Words between blanks, with the punctuation taken off so that it can be put back exactly."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf

# All of ASCII's punctuation and symbols, and the marks of other scripts that stand against a word.
# An explicit list: `\w` and `\p{P}` differ between Python, RE2 and JavaScript, and by version.
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

# Says that no blank stood here. A control character, as normalized text contains none, and one
# that nobody takes for white space.
JOINER = "\x01"

# In turn: a joiner on both sides of every mark, none beside a blank, none at the ends, one where
# two marks meet; then each joiner goes to a mark beside it, and a blank comes between the two.
# Python's `re` and RE2 read these patterns and replacements alike.
SPLIT_RULES = (
    (f"({PUNCTUATION})", rf"{JOINER}\1{JOINER}"),
    (f"{JOINER}? {JOINER}?", " "),
    (f"^{JOINER}|{JOINER}$", ""),
    (f"{JOINER}+", JOINER),
    (f"{JOINER}({PUNCTUATION})", rf" {JOINER}\1"),
    (f"([^ ]){JOINER}", rf"\1{JOINER} "),
)
JOIN_RULE = (f"{JOINER} {JOINER}?| {JOINER}", "")

_SPLIT_REGEXES = [(re.compile(pattern), replacement) for pattern, replacement in SPLIT_RULES]
_JOIN_REGEX = re.compile(JOIN_RULE[0])
_OUTER_MARKS = re.compile(f"^{PUNCTUATION}+|{PUNCTUATION}+$")


def split_words(text: str) -> list[str]:
    r"""Splits at blanks and around punctuation.

    Args:
        text: Normalized text.

    Returns:
        The words and marks. A mark starts or ends with the joiner where no blank stood.

    >>> split_words("Don't (stop).")
    ['Don', "\x01'\x01", 't', '(\x01', 'stop', '\x01)', '\x01.']
    """
    for regex, replacement in _SPLIT_REGEXES:
        text = regex.sub(replacement, text)
    return text.split()


def join_words(words: Iterable[str]) -> str:
    """Undoes `split_words`.

    Args:
        words: The words and marks.

    Returns:
        The text.

    >>> join_words(split_words("Don't (stop)."))
    "Don't (stop)."
    """
    return _JOIN_REGEX.sub("", " ".join(words))


def strip_marks(word: str) -> str:
    """Takes the punctuation off both ends of a word.

    Args:
        word: Normalized text without blanks.

    Returns:
        The word between them; all of it if it is made of nothing else.

    >>> strip_marks("(don't)."), strip_marks("...")
    ("don't", '...')
    """
    return _OUTER_MARKS.sub("", word) or word


def split_words_in_graph(text: "tf.Tensor") -> "tf.RaggedTensor":
    """Does what `split_words` does inside a TensorFlow graph.

    Args:
        text: Normalized text, string [B].

    Returns:
        The words and marks, string [B, None].
    """
    import tensorflow as tf

    for pattern, replacement in SPLIT_RULES:
        text = tf.strings.regex_replace(text, pattern, replacement)
    return tf.strings.split(text)


def join_words_in_graph(words: "tf.RaggedTensor") -> "tf.Tensor":
    """Does what `join_words` does inside a TensorFlow graph.

    Args:
        words: The words and marks, string [B, None].

    Returns:
        The text, string [B].
    """
    import tensorflow as tf

    text = tf.strings.reduce_join(words, axis=-1, separator=" ")
    return tf.strings.regex_replace(text, *JOIN_RULE)

"""Text normalization before tokenization, in Python and in the TensorFlow graph.

Text is converted to a Unicode normalization form, runs of white space become single spaces, and
leading and trailing spaces are removed. Both implementations agree on every string, whatever
Unicode version their libraries support.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from keras_s2s.text.protected import pattern_of

if TYPE_CHECKING:
    import tensorflow as tf

NormalizationForm = Literal["NFC", "NFKC", "NFD"]
NORMALIZATION_FORMS: tuple[NormalizationForm, ...] = ("NFC", "NFKC", "NFD")

# Unicode's White_Space property, written out because `str.isspace`, RE2's `\s` and JavaScript's
# `\s` are different sets.
WHITE_SPACE = (
    *range(0x0009, 0x000E),  # tab, line feed, line tabulation, form feed, carriage return
    0x0020,
    0x0085,
    0x00A0,
    0x1680,
    *range(0x2000, 0x200B),
    0x2028,
    0x2029,
    0x202F,
    0x205F,
    0x3000,
)

# General category Cc, which is stable in Unicode. They belong to no script, so they are treated as
# white space: the text before and after one stays separate.
CONTROL_CHARACTERS = (*range(0x0000, 0x0020), *range(0x007F, 0x00A0))

# The normalization of a character is stable from the Unicode version that assigns it. TensorFlow
# Text 2.19 supports version 12.1, Python 3.10 supports 13, TensorFlow Text 2.21 supports 16. So
# characters of versions 13 to 17 that decompose, compose or are reordered stay unchanged, and the
# text before and after them is normalized separately. First and last code point of each range:
NEWER_CHARACTERS = (
    (0x0897, 0x089F),
    (0x08CA, 0x08D2),
    (0x0C3C, 0x0C3C),
    (0x1715, 0x1715),
    (0x1ABF, 0x1AEB),
    (0x1DFA, 0x1DFA),
    (0xA7F1, 0xA7F4),
    (0xA82C, 0xA82C),
    (0xAB69, 0xAB69),
    (0x105C9, 0x105E4),
    (0x10781, 0x107BA),
    (0x10D69, 0x10D6D),
    (0x10EAB, 0x10EAC),
    (0x10EFA, 0x10EFF),
    (0x10F82, 0x10F85),
    (0x11070, 0x11070),
    (0x11382, 0x113D0),
    (0x11930, 0x11943),
    (0x11F41, 0x11F42),
    (0x1611E, 0x1612F),
    (0x16D63, 0x16D6A),
    (0x16FF0, 0x16FF1),
    (0x1CCD6, 0x1CCF9),
    (0x1E030, 0x1E08F),
    (0x1E2AE, 0x1E2AE),
    (0x1E4EC, 0x1E6F5),
    (0x1FBF0, 0x1FBF9),
)


def _character(code_point: int) -> str:
    """Returns a code point in the syntax of character classes of both `re` and RE2."""
    return f"\\x{code_point:02X}" if code_point < 0x100 else chr(code_point)


_SEPARATOR = "[" + "".join(map(_character, sorted({*WHITE_SPACE, *CONTROL_CHARACTERS}))) + "]+"
_NEWER = "[" + "".join(f"{chr(first)}-{chr(last)}" for first, last in NEWER_CHARACTERS) + "]+"

_SEPARATOR_REGEX = re.compile(_SEPARATOR)
_SURROGATE_REGEX = re.compile("[\ud800-\udfff]")


def check_form(form: str) -> NormalizationForm:
    """Returns `form` if it is a Unicode normalization form that every runtime supports.

    Args:
        form: "NFC", "NFKC" or "NFD".

    Returns:
        The same name.

    Raises:
        ValueError: If it is another value.

    >>> check_form("NFC")
    'NFC'
    """
    for known in NORMALIZATION_FORMS:
        if form == known:
            return known
    raise ValueError(
        "normalization must be 'NFC' (loses nothing), 'NFKC' (also folds compatibility "
        "characters) or 'NFD' (takes letters apart, Hangul into jamo). "
        f"Received: normalization={form!r}. Choose one of the three."
    )


@lru_cache
def _kept(protected: tuple[str, ...]) -> "re.Pattern[str]":
    return re.compile(f"({_kept_pattern(protected)})")


def _kept_pattern(protected: tuple[str, ...]) -> str:
    """What normalization leaves unchanged: protected symbols and newer characters."""
    return "|".join([pattern_of(protected), _NEWER] if protected else [_NEWER])


def normalize(text: str, form: str = "NFC", protected: tuple[str, ...] = ()) -> str:
    r"""Normalizes text: a Unicode form, single spaces between words, none at the ends.

    White space is the 25 characters of Unicode's White_Space property; the other control
    characters (such as NUL and U+001C to U+001F) are treated as white space too. Format characters
    (zero-width joiners, direction marks, U+FEFF) are kept: emoji, Persian and Khmer need them.

    NFC and NFD lose nothing else. NFKC does: "ʰ" becomes "h" and "½" becomes "1⁄2". It replaces "¨"
    by a space and a combining mark; at the start of a text, that space is removed.

    Args:
        text: Any text that has a UTF-8 encoding.
        form: "NFC", "NFKC" or "NFD".
        protected: Symbols without white space that stay as they are.

    Returns:
        The normalized text. Normalizing it again changes nothing.

    Raises:
        TypeError: If `text` is no `str`.
        ValueError: If `text` holds a lone surrogate, or `form` is another name.

    >>> normalize("  한\tcafe\u0301 \u00a0 ʰ ")
    '한 café ʰ'
    >>> len(normalize("한", "NFD"))
    3

    Source: Unicode Standard Annex 15, "Unicode Normalization Forms"; characters newer than Unicode
    12.1 that it would change are left unchanged.
    """
    known_form = check_form(form)
    if not isinstance(text, str):
        raise TypeError(
            f"text must be a str. Received: text={text!r} of type {type(text).__name__}. "
            "Decode bytes with .decode('utf-8') first."
        )
    if not text.isascii():
        _check_surrogates(text)
        pieces = _kept(protected).split(text)  # Text at even indices, what is kept at odd.
        pieces[::2] = [unicodedata.normalize(known_form, piece) for piece in pieces[::2]]
        text = "".join(pieces)
    return _SEPARATOR_REGEX.sub(" ", text).strip(" ")


def normalize_lines(
    lines: Iterable[str], form: str = "NFC", protected: tuple[str, ...] = ()
) -> Iterator[str]:
    """Normalizes lines one by one.

    Args:
        lines: The lines.
        form: "NFC", "NFKC" or "NFD".
        protected: As for `normalize`.

    Returns:
        An iterator over the normalized lines.

    Raises:
        TypeError: If `lines` is one `str` or `bytes`, or a line is no `str`.
        ValueError: If a line holds a lone surrogate, or `form` is another name.

    >>> list(normalize_lines(["a  b", " c"]))
    ['a b', 'c']
    """
    check_form(form)
    if isinstance(lines, (str, bytes)):
        raise TypeError(
            f"an iterable of lines is needed. Received: one {type(lines).__name__}. "
            "Put it into a list: [text]."
        )
    return (normalize(line, form, protected) for line in lines)


def without_surrogates(text: str) -> str:
    r"""Replaces lone surrogates, which UTF-8 cannot encode, by U+FFFD, and joins pairs.

    JSON can contain half of a surrogate pair ("\\ud83d"), and truncation can split a pair.

    Args:
        text: Any text.

    Returns:
        The text, unchanged if it has no surrogates.

    >>> ascii(without_surrogates("a\ud83d b\ud83d\ude00"))
    "'a\\ufffd b\\U0001f600'"
    """
    if not _SURROGATE_REGEX.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _check_surrogates(text: str) -> None:
    if found := _SURROGATE_REGEX.search(text):
        raise ValueError(
            "text must be valid Unicode, without lone surrogates. "
            f"Received: U+{ord(found.group()):04X} at position {found.start()}. "
            "Read files without errors='surrogateescape', or pass the text through "
            "keras_s2s.text.normalization.without_surrogates."
        )


def normalize_in_graph(
    text: "tf.Tensor", form: str = "NFC", protected: tuple[str, ...] = ()
) -> "tf.Tensor":
    r"""Equals `normalize`, inside a TensorFlow graph.

    Invalid UTF-8 becomes U+FFFD, as with Python's `bytes.decode(errors="replace")`.

    Args:
        text: UTF-8, string of any shape.
        form: "NFC", "NFKC" or "NFD".
        protected: As for `normalize`.

    Returns:
        The normalized text, string of the same shape.

    Raises:
        ValueError: If `form` is another name.
        ImportError: If tensorflow-text is missing.

    >>> normalize_in_graph(["  a\t b "]).numpy().tolist()
    [b'a b']
    """
    import tensorflow as tf

    check_form(form)
    tensorflow_text = import_tensorflow_text()
    text = tf.convert_to_tensor(text, tf.string)
    text = tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="replace")
    kept = _kept_pattern(protected)
    has_kept = tf.reduce_any(tf.strings.regex_full_match(text, f"(?s).*({kept}).*"))
    text = tf.cond(
        has_kept,
        lambda: _normalize_between(text, form, kept),
        lambda: tensorflow_text.normalize_utf8(text, form),
    )
    return tf.strings.strip(tf.strings.regex_replace(text, _SEPARATOR, " "))


def _normalize_between(text: "tf.Tensor", form: str, kept: str) -> "tf.Tensor":
    """Normalizes the text before, between and after what matches a pattern, but not this."""
    import tensorflow as tf

    cut = b"\xff"  # A byte that no UTF-8 text contains.
    marked = tf.strings.regex_replace(tf.reshape(text, [-1]), f"({kept})", cut + rb"\1" + cut)
    pieces = tf.strings.split(marked, cut)  # string [N, None]; what is kept is at odd places.
    is_kept = tf.ragged.range(pieces.row_lengths()).flat_values % 2 == 1
    normalized = import_tensorflow_text().normalize_utf8(pieces.flat_values, form)
    pieces = pieces.with_flat_values(tf.where(is_kept, pieces.flat_values, normalized))
    return tf.reshape(tf.strings.reduce_join(pieces, axis=-1), tf.shape(text))


def import_tensorflow_text() -> Any:
    """Imports TensorFlow Text, or explains how to install it.

    Returns:
        The module `tensorflow_text`.

    Raises:
        ImportError: If it is not installed, or was built for another version of TensorFlow.
    """
    import tensorflow as tf

    try:
        import tensorflow_text
    except (ImportError, tf.errors.OpError) as error:
        minor = ".".join(tf.__version__.split(".")[:2])
        raise ImportError(
            "Text inside the TensorFlow graph needs tensorflow-text of TensorFlow's own minor "
            f"version. Received: {error}. Install it with `pip install tensorflow-text=={minor}.*` "
            "(there are wheels for Linux on x86-64, and for macOS in some versions), or stay "
            "outside the graph with encode() and decode(), which do without it."
        ) from error
    return tensorflow_text

"""Protected symbols, such as "<2de>": text that stays unchanged and is always one token."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

# Control characters, which normalized text does not contain. Words and characters: every symbol is
# replaced by OPENING while the text is split. SentencePiece: a symbol stands between the two, so
# that no other token can overlap with it.
OPENING, CLOSING = "\x04", "\x05"
_ENCLOSED = re.compile(f"({OPENING}[^{CLOSING}]*{CLOSING})")


@lru_cache
def pattern_of(symbols: tuple[str, ...]) -> str:
    """Returns a regular expression for symbols, in the common syntax of `re` and RE2.

    Args:
        symbols: The symbols, at least one.

    Returns:
        A pattern without groups. Where several symbols start, it finds the longest.

    >>> pattern_of(("<a", "<a>"))
    '<a>|<a'
    """
    return "|".join(map(re.escape, sorted(symbols, key=len, reverse=True)))


def enclose(text: str, symbols: tuple[str, ...]) -> str:
    r"""Puts each symbol of a text between two control characters.

    Args:
        text: Normalized text.
        symbols: The symbols.

    Returns:
        The text; unchanged without symbols.

    >>> enclose("a<2de>b", ("<2de>",))
    'a\x04<2de>\x05b'
    """
    if not symbols:
        return text
    return re.sub(f"({pattern_of(symbols)})", rf"{OPENING}\1{CLOSING}", text)


def enclosed_symbol(piece: str) -> str | None:
    """Returns the symbol of a token that `enclose` made; `None` for any other token.

    Args:
        piece: The token.
    """
    return piece[1:-1] if piece.startswith(OPENING) else None


def without_marks(text: str) -> str:
    """Inverts `enclose`.

    Args:
        text: Its result.
    """
    return text.replace(OPENING, "").replace(CLOSING, "")


def around_symbols(text: str) -> list[str]:
    r"""Splits a text at the symbols that `enclose` marked.

    Args:
        text: Its result.

    Returns:
        The text between symbols at even indices, the marked symbols at odd ones.

    >>> around_symbols("a\x04<2de>\x05")
    ['a', '\x04<2de>\x05', '']
    """
    return _ENCLOSED.split(text)


def hide(text: str, symbols: tuple[str, ...]) -> tuple[str, Iterator[str]]:
    r"""Replaces each symbol of a text by one control character.

    Args:
        text: Normalized text.
        symbols: The symbols.

    Returns:
        The text, and its symbols in their order.

    >>> text, found = hide("a<2de>b", ("<2de>",))
    >>> text, list(found)
    ('a\x04b', ['<2de>'])
    """
    if not symbols:
        return text, iter(())
    pattern = pattern_of(symbols)
    return re.sub(pattern, OPENING, text), iter(re.findall(pattern, text))


def shown(tokens: Sequence[str], found: Iterator[str]) -> list[str]:
    """Puts the symbols that `hide` replaced back among the tokens of the text.

    Args:
        tokens: The tokens of the text.
        found: The symbols.
    """
    return [next(found) if token == OPENING else token for token in tokens]

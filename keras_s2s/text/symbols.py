"""The symbols of a vocabulary: counted in text, and checked."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from keras_s2s.special_ids import SPECIAL_PIECES
from keras_s2s.text.normalization import (
    CONTROL_CHARACTERS,
    WHITE_SPACE,
    check_form,
    normalize,
    normalize_lines,
)
from keras_s2s.text.protected import OPENING, hide
from keras_s2s.text.tokenizer_files import check_vocabulary_size
from keras_s2s.text.words import JOINER

_SEPARATORS = frozenset(map(chr, (*WHITE_SPACE, *CONTROL_CHARACTERS)))


def most_frequent(
    lines: Iterable[str],
    vocabulary_size: int | None,
    form: str,
    split: Callable[[str], list[str]],
    protected: tuple[str, ...] = (),
    first: Sequence[str] = (),
) -> list[str]:
    """Returns the symbols of a text, sorted by falling frequency, then by code points.

    Args:
        lines: The text.
        vocabulary_size: The largest number of ids, the four special ones included; None for all.
        form: The Unicode form of the symbols.
        split: Splits a normalized line, in which `OPENING` stands for a protected symbol.
        protected: Symbols that are not split, and that normalization does not change.
        first: Symbols that come first, however often the text has them.
    """
    check_form(form)
    check_vocabulary_size(vocabulary_size, len(first))
    counts: Counter[str] = Counter()
    for line in normalize_lines(lines, form, protected):
        counts.update(split(hide(line, protected)[0]))
    others = counts.keys() - {*first, OPENING}
    symbols = [*first, *sorted(others, key=lambda symbol: (-counts[symbol], symbol))]
    return symbols if vocabulary_size is None else symbols[: vocabulary_size - len(SPECIAL_PIECES)]


def check_symbols(symbols: Sequence[str], form: str, protected: tuple[str, ...]) -> None:
    """Checks the symbols of a vocabulary.

    Args:
        symbols: The symbols.
        form: The Unicode form that they must have.
        protected: Those of them that need not have it, all of which must be there.

    Raises:
        TypeError: If they are not a list of `str`.
        ValueError: If there are none, or one is empty, not normalized or there twice.
    """
    if not isinstance(symbols, (list, tuple)):
        raise TypeError(
            f"symbols must be a list of str. Received: symbols={symbols!r}. "
            "Use train to find them in text."
        )
    if not symbols:
        raise ValueError("a vocabulary needs at least one symbol. Received: none. Give more text.")
    seen: set[str] = set()
    for symbol in symbols:
        if not isinstance(symbol, str):
            raise TypeError(f"every symbol must be a str. Received: {symbol!r}. Make it one.")
        bare = symbol.replace(JOINER, "")
        is_mark = protected and symbol == JOINER
        if not (bare or is_mark) or (bare != " " and normalize(bare, form, protected) != bare):
            raise ValueError(
                f"every symbol must be normalized text ({form}). Received: {symbol!r}. "
                "Normalize it first, or let train find the symbols."
            )
        if symbol in seen:
            raise ValueError(f"symbols must differ. Received: {symbol!r} twice. Take one out.")
        seen.add(symbol)
    if missing := [symbol for symbol in protected if symbol not in seen]:
        raise ValueError(
            f"protected symbols must be among the symbols. Received: protected={missing[0]!r}, "
            "which is not. Add it, or let train find the symbols."
        )


def check_protected(symbols: Any) -> tuple[str, ...]:
    """Checks protected symbols.

    Args:
        symbols: The symbols.

    Returns:
        The symbols.

    Raises:
        TypeError: If they are not a list of `str`.
        ValueError: If one is empty, there twice, or contains white space, a control character or a
            lone surrogate.

    >>> check_protected(["<2de>"])
    ('<2de>',)
    """
    if not isinstance(symbols, (list, tuple)) or not all(isinstance(one, str) for one in symbols):
        raise TypeError(
            f"protected symbols must be a list of str. Received: {symbols!r}. Put them into a list."
        )
    for symbol in symbols:
        is_text = not any("\ud800" <= character <= "\udfff" for character in symbol)
        if not symbol or not is_text or not _SEPARATORS.isdisjoint(symbol):
            raise ValueError(
                "a protected symbol must be text without blanks and control characters. "
                f"Received: {symbol!r}. Write it as one word, such as '<2de>'."
            )
        if symbols.count(symbol) > 1:
            raise ValueError(
                f"protected symbols must differ. Received: {symbol!r} twice. Take one out."
            )
    return tuple(symbols)

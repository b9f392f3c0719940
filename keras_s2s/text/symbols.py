"""The symbols of a vocabulary: counted in text, and checked."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from keras_s2s.special_ids import SPECIAL_PIECES
from keras_s2s.text.normalization import check_form, normalize, normalize_lines
from keras_s2s.text.tokenizer_files import check_vocabulary_size
from keras_s2s.text.words import JOINER


def most_frequent(
    lines: Iterable[str],
    vocabulary_size: int | None,
    form: str,
    split: Callable[[str], list[str]],
) -> list[str]:
    """Returns the symbols of a text, sorted by falling frequency, then by code points.

    Args:
        lines: The text.
        vocabulary_size: The largest number of ids, the four special ones included; None for all.
        form: The Unicode form of the symbols.
        split: Splits a normalized line into symbols.
    """
    check_form(form)
    check_vocabulary_size(vocabulary_size)
    counts: Counter[str] = Counter()
    for line in normalize_lines(lines, form):
        counts.update(split(line))
    symbols = sorted(counts, key=lambda symbol: (-counts[symbol], symbol))
    return symbols if vocabulary_size is None else symbols[: vocabulary_size - len(SPECIAL_PIECES)]


def check_symbols(symbols: Sequence[str], form: str) -> None:
    """Checks the symbols of a vocabulary.

    Args:
        symbols: The symbols.
        form: The Unicode form that they must have.

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
        if not bare or (bare != " " and normalize(bare, form) != bare):
            raise ValueError(
                f"every symbol must be normalized text ({form}). Received: {symbol!r}. "
                "Normalize it first, or let train find the symbols."
            )
        if symbol in seen:
            raise ValueError(f"symbols must differ. Received: {symbol!r} twice. Take one out.")
        seen.add(symbol)

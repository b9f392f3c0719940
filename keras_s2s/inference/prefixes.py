"""Forced prefixes: texts that translations begin with, read beside the texts to translate."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np

from keras_s2s.text.normalization import without_surrogates
from keras_s2s.text.tokenizer import Tokenizer


class PrefixedTexts:
    """Texts for `windows`, each of which is read with its prefix.

    Args:
        texts: The texts to translate.
        prefixes: As many prefixes.
        tokenizer: That of the translations.
    """

    def __init__(self, texts: Iterable[str], prefixes: Iterable[str], tokenizer: Tokenizer) -> None:
        self._texts = texts
        self._prefixes = prefixes
        self._tokenizer = tokenizer
        self._read: deque[str] = deque()
        self.must_wait = getattr(texts, "must_wait", lambda: False)

    def __iter__(self) -> Iterator[str]:
        rest = iter(self._prefixes)
        count = 0
        for count, text in enumerate(self._texts, 1):
            try:
                self._read.append(next(rest))
            except StopIteration:
                raise _wrong_number(
                    f"{count - 1:,} prefixes for at least {count:,} texts"
                ) from None
            yield text
        for _ in rest:
            raise _wrong_number(f"more than {count:,} prefixes for {count:,} texts")

    def take(self, lengths: np.ndarray, limits: np.ndarray, first: int) -> list[list[int]]:
        """The ids of the next prefixes, one for each text of a window.

        Args:
            lengths: Tokens of each text; 0 where it is blank, and has no translation to begin.
            limits: Longest translation of each in tokens, end mark included.
            first: Texts that came before.

        Raises:
            TypeError: A prefix is no string.
            ValueError: A prefix leaves no room for the end mark.
        """
        prefixes = [self._read.popleft() for _ in lengths]
        for number, prefix in enumerate(prefixes, first + 1):
            if not isinstance(prefix, str):
                raise TypeError(f"Prefix {number} must be a string. Received: {prefix!r}")
        ids = self._tokenizer.encode_all(map(without_surrogates, prefixes))
        for number, (one, length, limit) in enumerate(
            zip(ids, lengths, limits, strict=True), first + 1
        ):
            if length and len(one) >= limit:
                raise ValueError(
                    f"Prefix {number} must have fewer tokens than the longest translation of its "
                    f"text, {limit:,}, end mark included. Received: {len(one):,} tokens. Shorten "
                    "it, or raise the maximum length."
                )
        return ids


def with_prefixes(
    texts: Iterable[str], prefixes: Iterable[str] | None, tokenizer: Tokenizer
) -> PrefixedTexts | None:
    """Texts with their prefixes beside them; `None` without prefixes.

    Raises:
        TypeError: The prefixes are one string, or no iterable.
    """
    if prefixes is None:
        return None
    if isinstance(prefixes, (str, bytes)) or not isinstance(prefixes, Iterable):
        raise TypeError(
            "`prefixes` must be a list or another iterable of strings, one for each text. "
            f"Received: prefixes={prefixes!r}"
        )
    return PrefixedTexts(texts, prefixes, tokenizer)


def _wrong_number(received: str) -> ValueError:
    return ValueError(
        f"`prefixes` must be as many as the texts. Received: {received}. Give a blank "
        "prefix where nothing is forced."
    )

"""Pairs of texts in memory: their type, their token ids, and samples of them."""

from __future__ import annotations

from collections.abc import Sequence

from keras_s2s.text.tokenizers import Tokenizer

Pairs = Sequence[tuple[str, str]]

SAMPLES = 100


def encode_pairs(
    pairs: Pairs, source: Tokenizer, target: Tokenizer, reverse_target: bool = False
) -> tuple[list, list]:
    """The ids of all sources and of all targets; with `reverse_target`, the last of each first."""
    sources, targets = zip(*pairs, strict=True)
    target_ids = target.encode_all(targets)
    return source.encode_all(sources), turned(target_ids) if reverse_target else target_ids


def turned(rows: list[list[int]]) -> list[list[int]]:
    """The ids of each row from the last to the first.

    Example:
        >>> turned([[4, 5, 6], []])
        [[6, 5, 4], []]
    """
    return [row[::-1] for row in rows]


def choose_samples(pairs: Pairs) -> list[str]:
    """Sources at the quantiles of their lengths.

    The longest one is among them: an export is verified with no longer ones than its samples.
    """
    sources = sorted((source for source, _ in pairs), key=len)
    indices = [(len(sources) - 1) * i // (SAMPLES - 1) for i in range(SAMPLES)]
    return list(dict.fromkeys(sources[index] for index in indices))

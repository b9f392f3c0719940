"""Minimum Bayes risk decoding: the candidate that agrees most with all others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from keras_s2s.inference.translation import Translation

# chrF2, sacreBLEU's default: n-grams of up to 6 characters, recall counts 2^2 times as much.
LONGEST_GRAM, BETA = 6, 2
CELLS = 2**22  # Of a matrix that is held at a time: 16 MB.


def minimum_bayes_risk(
    hypotheses: Iterable[list[Translation]], *, n_best: int = 1, by_probability: bool = False
) -> Iterator[list[Translation]]:
    """Choose the candidates with the highest expected utility: chrF against all candidates.

    The utility of a translation is its sentence chrF with another one as the reference. Its
    expectation under the model is estimated by the candidates of the same text, itself included. N
    different candidates with G different n-grams take 2 N^2 G arithmetic operations.

    Args:
        hypotheses: For each text its candidates, from `Translator.stream` with `n_best`.
        n_best: The most translations to return for each text; equal ones are returned once.
        by_probability: How much a candidate counts: `False` for samples, each of which counts the
            same, so that one that was drawn twice counts twice; `True` for hypotheses of a beam
            search, which count by their probabilities.

    Returns:
        An iterator: for each text up to `n_best` different translations, the best first, with the
        expected chrF, from 0 to 100, as their scores. Of equally good ones, the first candidate
        comes first.

    Raises:
        ValueError: `n_best` is below 1.

    Example:
        >>> texts = ["a dog runs", "a dog ran", "the dog runs", "it is cold"]
        >>> candidates = [Translation(text, 0.0, -2.0, ["x"], ["y"], None) for text in texts]
        >>> ((best,),) = minimum_bayes_risk([candidates])
        >>> best.text, round(best.score, 1)
        ('a dog runs', 53.7)

    Source: Eikema and Aziz 2020, "Is MAP Decoding All You Need?", eq. 5 (samples); Kumar and Byrne
    2004, "Minimum Bayes-Risk Decoding for Statistical Machine Translation" (lists).
    """
    if n_best < 1:
        raise ValueError(f"`n_best` must be at least 1. Received: n_best={n_best}")
    return (_chosen(candidates, n_best, by_probability) for candidates in hypotheses)


def _chosen(candidates: list[Translation], n_best: int, by_probability: bool) -> list[Translation]:
    if not candidates[0].source_pieces:  # A blank text, whose translation is empty.
        return candidates
    weights = np.ones(len(candidates))
    if by_probability:
        logs = np.array([one.log_probability for one in candidates])
        weights = np.exp(logs - logs.max())
    first: dict[str, Translation] = {}
    shares: Counter[str] = Counter()
    for one, weight in zip(candidates, weights / weights.sum(), strict=True):
        first.setdefault(one.text, one)
        shares[one.text] += float(weight)  # pyright: ignore[reportArgumentType]
    utilities = chrf_matrix(list(first)) @ np.array([shares[text] for text in first])
    order = np.argsort(-utilities.round(9), kind="stable")[:n_best]
    translations = list(first.values())
    return [translations[i]._replace(score=float(utilities[i])) for i in order]


def chrf_matrix(texts: Sequence[str]) -> np.ndarray:
    """Compute the sentence chrF of each text with each text as the reference.

    Args:
        texts: N texts.

    Returns:
        float64 `[N, N]`, from 0 to 100; one row for each hypothesis, one column for each reference.

    Example:
        >>> chrf_matrix(["ab", "ab", "xy"]).tolist()
        [[100.0, 100.0, 0.0], [100.0, 100.0, 0.0], [0.0, 0.0, 100.0]]

    Source: Popović 2015, "chrF: character n-gram F-score for automatic MT evaluation"; precision
    and recall are means over the n that both texts are long enough for, as in sacreBLEU.
    """
    bare = ["".join(text.split()) for text in texts]
    lengths = np.array([len(text) for text in bare])
    shape = len(texts), len(texts)
    precision, recall, orders = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for n in range(1, LONGEST_GRAM + 1):
        counts = np.maximum(lengths - n + 1, 0)  # n-grams of each text
        has_both = (counts[:, None] > 0) & (counts[None, :] > 0)
        matches = _matches(bare, n)
        precision += has_both * matches / np.maximum(counts, 1)[:, None]
        recall += has_both * matches / np.maximum(counts, 1)[None, :]
        orders += has_both
    precision, recall = precision / np.maximum(orders, 1), recall / np.maximum(orders, 1)
    divisor = BETA**2 * precision + recall
    return 100 * (1 + BETA**2) * precision * recall / np.where(divisor > 0, divisor, 1)


def _matches(texts: list[str], n: int) -> np.ndarray:
    """How many n-grams each two texts share, `[N, N]`.

    The k-th occurrence of an n-gram is a feature that a text has or has not, so the features that
    two texts share are the product of their rows.
    """
    features: dict[tuple[str, int], int] = {}
    rows, columns = [], []
    for row, text in enumerate(texts):
        seen: Counter[str] = Counter()
        for start in range(len(text) - n + 1):
            gram = text[start : start + n]
            rows.append(row)
            columns.append(features.setdefault((gram, seen[gram]), len(features)))
            seen[gram] += 1
    row, column = np.array(rows, "int64"), np.array(columns, "int64")
    matches = np.zeros((len(texts), len(texts)))
    width = max(1, CELLS // len(texts))
    for first in range(0, len(features), width):
        is_here = (first <= column) & (column < first + width)
        block = np.zeros((len(texts), min(width, len(features) - first)), "float32")
        block[row[is_here], column[is_here] - first] = 1
        matches += block @ block.T
    return matches

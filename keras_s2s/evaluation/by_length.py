"""Scores by source length."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Mapping, Sequence

from keras_s2s.evaluation.scores import Scores, references_per_sentence, score


@dataclasses.dataclass(frozen=True)
class LengthScores:
    """Scores of the sentences whose source has `shortest` to `longest` tokens.

    Attributes:
        shortest: Lower bound of the source length in tokens, inclusive.
        longest: Upper bound, inclusive; `None` for no bound.
        scores: Scores of these sentences.
    """

    shortest: int
    longest: int | None
    scores: Scores

    @property
    def label(self) -> str:
        """The range as text: `up to 10`, `11 to 20`, `over 20`."""
        if self.longest is None:
            return f"over {self.shortest - 1}" if self.shortest else "all"
        return f"{self.shortest} to {self.longest}" if self.shortest else f"up to {self.longest}"

    def to_dict(self) -> dict[str, object]:
        """Return the range and its scores as JSON-serializable values."""
        return {"shortest": self.shortest, "longest": self.longest, **self.scores.to_dict()}


def score_by_length(
    hypotheses: Sequence[str],
    references: Sequence[str] | Sequence[Sequence[str]],
    lengths: Sequence[int],
    *,
    edges: Sequence[int] = (10, 20, 30, 40),
    language: str = "en",
) -> list[LengthScores]:
    """Compute scores for groups of sentences of similar source length.

    Args:
        hypotheses: One string per sentence.
        references: One string or a sequence of strings per sentence.
        lengths: Length of each source in tokens.
        edges: Upper bounds of the groups in tokens, increasing; the last group holds all longer
            sources.
        language: ISO 639-1 code of the references' language, as in `score`.

    Returns:
        One `LengthScores` per non-empty group, in order of length.

    Raises:
        TypeError: If an argument is not a sequence of strings or of whole numbers.
        ValueError: If there is no sentence, the numbers of sentences differ, a sentence has no
            reference, a length is negative, or `edges` are not increasing.

    Example:
        >>> rows = score_by_length(["a", "b c d"], ["a", "b c e"], lengths=[1, 3], edges=(2,))
        >>> [(row.label, row.scores.exact_match) for row in rows]
        [('up to 2', 1.0), ('over 2', 0.0)]
    """
    references = references_per_sentence(hypotheses, references)
    _check_lengths(lengths, len(hypotheses))
    if list(edges) != sorted(set(edges)) or any(edge < 1 for edge in edges):
        raise ValueError(
            f"edges must be positive and increasing, like (10, 20, 30). Received: edges={edges!r}"
        )
    starts = [0, *(edge + 1 for edge in edges)]
    rows = []
    for shortest, longest in zip(starts, [*edges, None], strict=True):
        chosen = [
            index
            for index, length in enumerate(lengths)
            if length >= shortest and (longest is None or length <= longest)
        ]
        if chosen:
            scores = score(
                [hypotheses[index] for index in chosen],
                [references[index] for index in chosen],
                language=language,
            )
            rows.append(LengthScores(shortest, longest, scores))
    return rows


def length_table(
    systems: Sequence[LengthScores] | Mapping[str, Sequence[LengthScores]],
    *,
    metrics: Sequence[str] = ("bleu", "chrf", "token_error_rate", "exact_match"),
) -> str:
    """Format scores by length as a Markdown table with aligned columns.

    Args:
        systems: The result of `score_by_length`, or one result per system by name. All systems
            must have translated the same sources.
        metrics: Names of the fields of `Scores` to show.

    Returns:
        The table, with one row per length range and one column per metric and system.

    Raises:
        ValueError: If the systems' ranges or numbers of sentences differ, there is no row, or a
            metric is not a numeric field of `Scores`.

    Example:
        >>> rows = score_by_length(["a", "b c d"], ["a", "b c e"], lengths=[1, 3], edges=(2,))
        >>> print(length_table({"mine": rows}, metrics=["exact_match"]))
        | source tokens | sentences | mine exact_match |
        | ------------: | --------: | ---------------: |
        |       up to 2 |         1 |           1.0000 |
        |        over 2 |         1 |           0.0000 |
    """
    named = systems if isinstance(systems, Mapping) else {"": systems}
    ranges = shared_ranges(named)
    check_metrics(metrics)
    columns = [["source tokens", *(label for label, _ in ranges)]]
    columns.append(["sentences", *(str(sentences) for _, sentences in ranges)])
    for name, rows in named.items():
        for metric in metrics:
            decimals = 2 if metric.startswith(("bleu", "chrf", "rouge")) else 4
            values = [f"{getattr(row.scores, metric):.{decimals}f}" for row in rows]
            columns.append([f"{name} {metric}".strip(), *values])
    widths = [max(map(len, column)) for column in columns]
    lines = [
        " | ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        for cells in zip(*columns, strict=True)
    ]
    lines.insert(1, " | ".join("-" * (width - 1) + ":" for width in widths))
    return "\n".join(f"| {line} |" for line in lines)


def _check_lengths(lengths: Sequence[int], sentences: int) -> None:
    if len(lengths) != sentences:
        raise ValueError(
            "lengths must have one number per sentence. "
            f"Received: {len(lengths)} lengths, {sentences} sentences"
        )
    for index, length in enumerate(lengths):
        if not isinstance(length, numbers.Integral):
            raise TypeError(
                "lengths must be whole numbers of source tokens. "
                f"Received: lengths[{index}]={length!r}"
            )
        if length < 0:
            raise ValueError(f"lengths must not be negative. Received: lengths[{index}]={length!r}")


def shared_ranges(systems: Mapping[str, Sequence[LengthScores]]) -> list[tuple[str, int]]:
    """Return label and number of sentences of each row, which all systems must share."""
    ranges = [[(row.label, row.scores.sentences) for row in rows] for rows in systems.values()]
    if not ranges or not ranges[0] or any(other != ranges[0] for other in ranges):
        raise ValueError(
            "systems must have translated the same sources, grouped by the same edges. "
            f"Received: {dict(zip(systems, ranges, strict=True))!r}"
        )
    return ranges[0]


def check_metrics(metrics: Sequence[str]) -> None:
    """Raise ValueError unless every metric is a numeric field of `Scores`."""
    known = [field.name for field in dataclasses.fields(Scores) if field.type == "float"]
    if not set(metrics) <= set(known):
        raise ValueError(f"a metric must be among {known}. Received: metrics={list(metrics)!r}")

"""Translations as JSON, an object on each line: what `translate --json` writes."""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, TextIO

from keras_s2s.cli.inputs import InputLines


class SourceLines:
    """Lines that are remembered until their translations are written; see `InputLines`.

    Args:
        lines: The lines.
        attention: Whether attention weights are written too.
    """

    def __init__(self, lines: InputLines, attention: bool) -> None:
        self.attention = attention
        self._lines = lines
        self._waiting: deque[str] = deque()

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self._waiting.append(line)
            yield line

    def must_wait(self) -> bool:
        """Whether the next line has not come yet."""
        return self._lines.must_wait()

    def next_source(self) -> str:
        """The first line whose translations have not been written."""
        return self._waiting.popleft()


def check_json(
    as_json: bool, scores: bool, attention: bool, lines: InputLines
) -> SourceLines | None:
    """The lines, remembered for JSON; `None` where plain text is written.

    Raises:
        ValueError: The options of the output do not go together.
    """
    if as_json and scores:
        raise ValueError("--json holds the scores already. Received: --scores with --json")
    if attention and not as_json:
        raise ValueError("--attention goes with --json. Received: --attention alone")
    return SourceLines(lines, attention) if as_json else None


def write_json_lines(
    found: Iterable[list[Any]], lines: SourceLines, file: TextIO, flush: bool
) -> Any:
    """Write the translations of each line; returns the first one with attention weights."""
    drawn = None
    for hypotheses in found:
        if drawn is None and hypotheses[0].weights is not None:
            drawn = hypotheses[0]
        entries = {
            "source": lines.next_source(),
            "source_tokens": hypotheses[0].source_pieces,
            "translations": [_entries(one, lines.attention) for one in hypotheses],
        }
        print(json.dumps(entries, ensure_ascii=False, allow_nan=False), file=file, flush=flush)
    return drawn


def _entries(one: Any, attention: bool) -> dict[str, Any]:
    entries = {
        "text": one.text,
        "score": _finite(one.score),
        "log_probability": _finite(one.log_probability),
        "tokens": one.target_pieces,
    }
    if attention:
        weights = one.weights
        rows = [] if weights is None else weights.astype("float64").round(4).tolist()
        entries["attention"] = rows
    return entries


def _finite(value: float) -> float | None:
    """A number of six decimals; JSON has neither NaN nor infinity."""
    return round(value, 6) if math.isfinite(value) else None

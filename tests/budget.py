"""Limits of a default run: examples of a property test, and cases of a test."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import settings

QUICK = 40  # Examples of a property test without a limit of its own.


def examples(count: int, **options: Any) -> settings:
    """Settings of a costly property test; the profile `thorough` tries ten times as many."""
    return settings(max_examples=count * settings.default.max_examples // QUICK, **options)  # pyright: ignore[reportOptionalMemberAccess]


def first(count: int, cases: Iterable[Any]) -> list[Any]:
    """The cases of a test, all but the first of them marked slow."""
    return [
        case if place < count else pytest.param(*_values(case), marks=pytest.mark.slow)
        for place, case in enumerate(cases)
    ]


def _values(case: Any) -> tuple[Any, ...]:
    return case if isinstance(case, tuple) else (case,)

"""How much a default run tries: examples of a property, and cases of a test."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import settings

QUICK = 40  # Examples of a property that says nothing else.


def examples(count: int, **options: Any) -> settings:
    """Settings of a property whose examples are dear: so many, or ten times with `thorough`."""
    return settings(max_examples=count * settings.default.max_examples // QUICK, **options)  # pyright: ignore[reportOptionalMemberAccess]


def first(count: int, cases: Iterable[Any]) -> list[Any]:
    """The first cases for a default run; the others are slow: each is as dear, and of its kind."""
    return [
        case if place < count else pytest.param(*_values(case), marks=pytest.mark.slow)
        for place, case in enumerate(cases)
    ]


def _values(case: Any) -> tuple[Any, ...]:
    return case if isinstance(case, tuple) else (case,)

"""Checks of numbers that a user passes in; each error names the argument and its value."""

from numbers import Integral, Real
from typing import Any

MOST = 1_000_000  # Beams, texts or tokens.
LARGEST = 1e30  # Of a penalty: it stays finite as a float32.


def check_at_least(least: float, **values: float) -> None:
    """Raise ValueError unless every number is large enough, and finite as a float32 too."""
    for name, value in values.items():
        is_number = isinstance(value, Real) and value < LARGEST
        _need(is_number, f"a number below {LARGEST:g}", name, value)
        _need(least <= value, f"at least {least}", name, value)


def check_whole(least: int, **values: int) -> None:
    """Raise ValueError unless every number is an integer, large enough and at most a million."""
    for name, value in values.items():
        is_whole = isinstance(value, Integral) and not isinstance(value, bool)
        _need(is_whole, "a whole number", name, value)
        _need(least <= value, f"at least {least}", name, value)
        _need(value <= MOST, f"at most {MOST:,}", name, value)


def _need(is_right: bool, need: str, name: str, value: Any) -> None:
    if not is_right:
        raise ValueError(f"`{name}` must be {need}. Received: {name}={value!r}")

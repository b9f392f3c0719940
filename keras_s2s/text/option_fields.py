"""Options as dataclass fields: default, range, choices, help and group are stated once.

A class of options declares each of them with `option` and calls `check_options` when it is made.
The command line, the checks and the tables of the documentation are generated from the fields.
"""

from __future__ import annotations

import inspect
import json
import textwrap
from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

GROUPS = ("data", "start", "text", "model", "training", "run")
SEVERAL = "tuple[str, ...]"  # The type of an option that is given as often as needed.
KINDS: dict[str, Any] = {
    "str": str,
    "int": int,
    "float": (int, float),
    "bool": bool,
    SEVERAL: tuple,
    "Path": Path,
}
Class = TypeVar("Class", bound=type)


class Bound(NamedTuple):
    """A condition on a number.

    Attributes:
        words: What a number must be, as it stands in an error message.
        holds: Whether a number is that.
    """

    words: str
    holds: Callable[[Any], bool]


POSITIVE = Bound("positive", lambda value: value > 0)
PROBABILITY = Bound("at least 0 and below 1", lambda value: 0 <= value < 1)


def at_least(least: float) -> Bound:
    """A lower bound, itself included."""
    return Bound(f"at least {_number(least)}", lambda value: value >= least)


def at_most(most: float) -> Bound:
    """An upper bound, itself included."""
    return Bound(f"at most {_number(most)}", lambda value: value <= most)


def between(least: float, most: float) -> Bound:
    """A range, both ends included."""
    words = f"from {_number(least)} to {_number(most)}"
    return Bound(words, lambda value: least <= value <= most)


def _number(value: float) -> str:
    return f"{value:,}" if value >= 10_000 else str(value)


@dataclass(frozen=True, kw_only=True)
class Option:
    """What a field says about its option, besides its name, type and default.

    Attributes:
        help: What it does, in a sentence or two.
        group: One of `GROUPS`.
        choices: The allowed values; empty where any value of the type is allowed.
        bounds: What a number must be.
        only_with: Another option and its values without which this one has no effect.
        metavar: What stands for the value on the command line.
    """

    help: str
    group: str
    choices: tuple[str | None, ...] = ()
    bounds: tuple[Bound, ...] = ()
    only_with: tuple[str, tuple[str | None, ...]] | None = None
    metavar: str = ""


def option(
    default: Any,
    *,
    help: str,
    group: str,
    choices: tuple[str | None, ...] = (),
    bounds: tuple[Bound, ...] = (),
    only_with: tuple[str, tuple[str | None, ...]] | None = None,
    metavar: str = "",
) -> Any:
    """A dataclass field that is an option, see `Option`."""
    stated = Option(
        help=help,
        group=group,
        choices=choices,
        bounds=bounds,
        only_with=only_with,
        metavar=metavar,
    )
    return field(default=default, metadata={"option": stated})


def options_of(kind: Any) -> list[tuple[Field, Option]]:
    """The options of a dataclass or an instance of one, in their order."""
    found = [(one, one.metadata.get("option")) for one in fields(kind)]
    return [(one, stated) for one, stated in found if stated is not None]


def type_words(one: Field) -> str:
    """The type of a field in words, such as "int" or "float | None"."""
    return one.type.__name__ if isinstance(one.type, type) else str(one.type)


def check_options(instance: Any) -> None:
    """Raise unless each option has a value that it may have.

    Raises:
        TypeError: An option is of another type.
        ValueError: An option is out of range, or would be ignored.
    """
    for one, _ in options_of(instance):
        value = getattr(instance, one.name)
        if type_words(one) == SEVERAL and isinstance(value, list):  # As JSON has it.
            object.__setattr__(instance, one.name, tuple(value))
    found: list[tuple[Field, Option, Any]] = [
        (one, stated, getattr(instance, one.name)) for one, stated in options_of(instance)
    ]
    for one, _, value in found:
        _check_type(one, value)
    for one, stated, value in found:
        if stated.choices:
            need(value in stated.choices, f"one of {stated.choices}", one.name, value)
        for bound in stated.bounds if value is not None else ():
            need(bound.holds(value), bound.words, one.name, value)
    for one, stated, value in found:
        if stated.only_with is not None:
            other, values = stated.only_with
            current = getattr(instance, other)
            if value != one.default and current not in values:
                raise ValueError(
                    f"`{one.name}` must be left out {_where(other, values)}. Received: "
                    f"{one.name}={value!r} with {other}={current!r}"
                )


def _where(other: str, values: tuple[str | None, ...]) -> str:
    """The other values of an option, in words."""
    if values == (None,):
        return f"with `{other}`"
    return f"where `{other}` is not {' or '.join(map(repr, values))}"


def as_json(instance: Any) -> dict[str, Any]:
    """The options of an instance as JSON holds them: lists instead of tuples."""
    return json.loads(
        json.dumps({one.name: getattr(instance, one.name) for one in fields(instance)})
    )


def need(is_right: bool, words: str, name: str, value: Any) -> None:
    """Raise ValueError unless an option is what it must be."""
    if not is_right:
        raise ValueError(f"`{name}` must be {words}. Received: {name}={value!r}")


def _check_type(one: Field, value: Any) -> None:
    """Raise TypeError unless a value is of its field's type, such as "int | None"."""
    kind, *rest = type_words(one).split(" | ")
    is_right = isinstance(value, KINDS[kind]) and (kind == "bool") == isinstance(value, bool)
    if kind == SEVERAL and is_right:
        is_right = all(isinstance(part, str) for part in value)
    if not is_right and not (rest and value is None):
        raise TypeError(f"`{one.name}` must be {type_words(one)}. Received: {one.name}={value!r}")


def _choices(stated: Option) -> str:
    return f" One of {', '.join(map(repr, stated.choices))}." if stated.choices else ""


def documented(kind: Class) -> Class:
    """Append the options of a class to its docstring, as its attributes."""
    if kind.__doc__ is not None:  # Python's -OO leaves none.
        lines = [
            textwrap.fill(
                f"{one.name}: {stated.help}{_choices(stated)}",
                width=96,
                initial_indent="    ",
                subsequent_indent="        ",
            )
            for one, stated in options_of(kind)
        ]
        kind.__doc__ = "\n".join([inspect.cleandoc(kind.__doc__), "", "Attributes:", *lines, ""])
    return kind

"""The reference of the command line as Markdown, generated from the commands themselves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import typer

from keras_s2s.cli.constraint_options import ConstraintOptions
from keras_s2s.cli.decoding import Decoding
from keras_s2s.cli.main import app
from keras_s2s.cli.options import CHOSEN, PanelCommand, metavar_of
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.resume import Run
from keras_s2s.text.option_fields import GROUPS, Option, options_of, type_words
from keras_s2s.text.options import TextOptions

# The classes that the options of a command are made from.
CLASSES: dict[str, tuple[Any, ...]] = {
    "train": (Recipe, Run),
    "prepare": (TextOptions,),
    "translate": (Decoding, ConstraintOptions),
    "evaluate": (Decoding,),
}
HEADS = ("Option", "Default", "Values", "Meaning")
# Metavars that say no more than the kind of a value.
KINDS = {"N": "integer", "X": "number", "P": "number", "M": "number"}


class Row(NamedTuple):
    """An option in a table.

    Attributes:
        option: Its names.
        default: Its default; "" for none.
        values: What it takes; "" for a switch.
        meaning: What it does.
        group: Its panel, "" for none.
    """

    option: str
    default: str
    values: str
    meaning: str
    group: str


def render() -> str:
    """The reference of all commands: how each is called, and a table of its options."""
    group: Any = typer.main.get_command(app)
    parts = [
        "# Command line",
        "`keras-s2s COMMAND --help` prints what this page lists.",
        *(_render_command(name, command) for name, command in group.commands.items()),
    ]
    return "\n\n".join(parts) + "\n"


def _render_command(name: str, command: Any) -> str:
    stated = dict(
        (field.name, option) for kind in CLASSES.get(name, ()) for field, option in options_of(kind)
    )
    rows = [_row_of(one, stated.get(one.name)) for one in command.params]
    if not isinstance(command, PanelCommand):
        rows = [row._replace(group="") for row in rows]
    required = " ".join(
        f"{one.opts[0]} {one.metavar}" for one in command.params if getattr(one, "required", False)
    )
    usage = " ".join(part for part in ("keras-s2s", name, required, "[OPTIONS]") if part)
    parts = [
        f"## {name}",
        str(command.help).strip(),
        f"```text\n{usage}\n```",
        _tables(rows, "###"),
    ]
    return "\n\n".join(parts)


def options_table() -> str:
    """The options of a training as Markdown: one table for each group of them."""
    rows = []
    for kind in (Recipe, Run):
        for field, stated in options_of(kind):
            name = f"--{field.name.replace('_', '-')}"
            is_switch = type_words(field) == "bool"
            names = f"`{name}`, `{name.replace('--', '--no-', 1)}`" if is_switch else f"`{name}`"
            values = "" if is_switch else _values(metavar_of(field, stated), stated)
            meaning = _meaning(stated.help, stated)
            rows.append(Row(names, _default(field.default, stated), values, meaning, stated.group))
    return _tables(rows, "###")


def _row_of(parameter: Any, stated: Option | None) -> Row:
    names = ", ".join(f"`{one}`" for one in (*parameter.opts, *parameter.secondary_opts))
    is_switch = parameter.is_flag
    values = "" if is_switch else _values(parameter.metavar or "", stated)
    default = "required" if parameter.required else _default(parameter.default, stated)
    default = "chosen" if parameter.show_default == CHOSEN else default
    has_default = not is_switch or parameter.secondary_opts
    return Row(
        names,
        default if has_default else "",
        values,
        _meaning(parameter.help or "", stated),
        parameter.rich_help_panel or "",
    )


def _values(metavar: str, stated: Option | None) -> str:
    """What an option takes: its choices, its range, or its metavar."""
    if "|" in metavar:
        return ", ".join(f"`{one}`" for one in metavar.split("|"))
    bounds = ", ".join(bound.words for bound in stated.bounds) if stated is not None else ""
    return bounds or KINDS.get(metavar, f"`{metavar}`")


def _meaning(text: str, stated: Option | None) -> str:
    if stated is None or stated.only_with is None:
        return text
    other, values = stated.only_with
    name = f"`--{other.replace('_', '-')}`"
    if values == (None,):
        return f"{text} Not with {name}."
    return f"{text} Only with {name} {' or '.join(f'`{one}`' for one in values)}."


def _default(value: Any, stated: Option | None) -> str:
    if value is None or value is ... or value in ([], ()):
        return "`none`" if stated is not None and None in stated.choices else ""
    return f"`{('no', 'yes')[value] if isinstance(value, bool) else value}`"


def _tables(rows: Iterable[Row], heading: str) -> str:
    """One table, or one for each group under its heading where there are several."""
    rows = list(rows)
    known = [group for group in ("", *GROUPS) if any(row.group == group for row in rows)]
    parts = []
    for group in known:
        if group:
            parts.append(f"{heading} {group.capitalize()} options")
        chosen = [row[: len(HEADS)] for row in rows if row.group == group]
        lines = [HEADS, ("---",) * len(HEADS), *chosen]
        parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    return "\n\n".join(parts)

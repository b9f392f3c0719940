"""The options that several commands share, and those that are made from dataclass fields."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import Field, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, get_origin, get_type_hints

import typer
import typer.core

from keras_s2s.recipe.config import ALTERNATIVES
from keras_s2s.text.option_fields import SEVERAL, Option, options_of, type_words


def about(
    text: str,
    metavar: str | None,
    *names: str,
    panel: str | None = None,
    min: int | None = None,
    max: int | None = None,
    shown: str | bool = True,
) -> Any:
    """An option with its help; the default stands at the parameter, and is shown or described."""
    return typer.Option(
        *names,
        help=text,
        metavar=metavar,
        rich_help_panel=panel,
        min=min,
        max=max,
        show_default=shown,
    )


CHOSEN = "chosen"  # By an `AutoRecipe`, from the data and the machine.


class PanelCommand(typer.core.TyperCommand):
    """A command whose help shows its options in one section for each panel, as plain text."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options, panel by panel."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for one in self.get_params(ctx):
            record = one.get_help_record(ctx)
            if record is not None:
                panel = getattr(one, "rich_help_panel", None) or ""
                panels.setdefault(panel, []).append(record)
        for panel, records in panels.items():
            with formatter.section(f"{panel} options".strip().capitalize()):
                formatter.write_dl(records)


def from_fields(function: Callable[..., None]) -> Callable[..., None]:
    """Make a command of a function some of whose parameters are dataclasses of options.

    Such a parameter becomes one option of the command line for each of the class's options, stated
    by `option` or annotated by `about`, and the function receives an instance that is made from
    them.
    """
    signature = inspect.signature(function, eval_str=True)
    kinds = {
        one.name: one.annotation
        for one in signature.parameters.values()
        if is_dataclass(one.annotation)
    }
    parameters: list[inspect.Parameter] = []
    for one in signature.parameters.values():
        own = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY)]
        parameters += _parameters(kinds[one.name]) if one.name in kinds else own

    @functools.wraps(function)
    def command(**given: Any) -> None:
        for kind in kinds.values() if "context" in given else ():
            given |= _replaced(kind, given["context"])
        made = {name: _make(kind, given) for name, kind in kinds.items()}
        function(**{name: given[name] for name in signature.parameters if name in given}, **made)

    # Typer reads the first, and resolves the second.
    command.__signature__ = inspect.Signature(parameters)  # pyright: ignore[reportAttributeAccessIssue]
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    return command


def _parameters(kind: Any) -> Iterator[inspect.Parameter]:
    """The fields of a dataclass that are options, or annotated as Typer's, as parameters."""
    types = get_type_hints(kind, include_extras=True)
    for field in fields(kind):
        stated = field.metadata.get("option")
        if stated is None:
            if get_origin(types[field.name]) is Annotated:
                yield inspect.Parameter(
                    field.name,
                    inspect.Parameter.KEYWORD_ONLY,
                    default=field.default,
                    annotation=types[field.name],
                )
            continue
        metavar = None if type_words(field) == "bool" else metavar_of(field, stated)
        names = [f"--{field.name.replace('_', '-')}"]
        names += [f"--no-{field.name.replace('_', '-')}"] if type_words(field) == "bool" else []
        is_repeated = type_words(field) == SEVERAL
        shown = CHOSEN if field.name in getattr(kind, "CHOSEN", ()) else True
        said = about(stated.help, metavar, "/".join(names), panel=stated.group, shown=shown)
        yield inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=[*getattr(kind, field.name)] if is_repeated else field.default,
            annotation=Annotated[list[str] if is_repeated else types[field.name], said],
        )


def metavar_of(field: Field, stated: Option) -> str:
    """What stands for the value of an option in the help."""
    if stated.choices:
        return "|".join("none" if one is None else one for one in stated.choices)
    return stated.metavar or {"int": "N", "float": "X"}[type_words(field).split(" | ")[0]]


def _replaced(kind: Any, context: typer.Context) -> dict[str, Any]:
    """The defaults of options in a configuration file whose alternative was typed.

    They then count as not given.
    """
    typed, found = given_names(context, on_command_line=True), {}
    for one, other in (*ALTERNATIVES, *(pair[::-1] for pair in ALTERNATIVES)):
        if one in typed and other not in typed and hasattr(kind, other):
            found[other] = getattr(kind, other)
            source: Any = context.get_parameter_source(other)
            context.set_parameter_source(other, type(source).DEFAULT)
    return found


def _make(kind: Any, given: dict[str, Any]) -> Any:
    """An instance of a dataclass; "none" is `None` for an option that may be that."""
    values = {field.name: given[field.name] for field in fields(kind) if field.name in given}
    for field, stated in options_of(kind):
        value = given[field.name]
        value = tuple(value) if isinstance(value, list) else value
        values[field.name] = None if value == "none" and None in stated.choices else value
    return kind(**values)


def given_names(context: typer.Context, on_command_line: bool = False) -> frozenset[str]:
    """The names of the parameters that were given, rather than left at their defaults.

    Args:
        context: The command's context.
        on_command_line: Leave out those that are given in a configuration file.
    """
    origins = {name: context.get_parameter_source(name) for name in context.params}
    kinds = ("COMMANDLINE",) if on_command_line else ("COMMANDLINE", "DEFAULT_MAP", "ENVIRONMENT")
    return frozenset(name for name, one in origins.items() if one and one.name in kinds)


File = Path | None
Output = Annotated[
    Path, about("Output folder; a model that is already there is replaced.", "DIR", panel="data")
]
Model = Annotated[Path, about("Folder of a trained model.", "DIR")]
Models = Annotated[
    list[Path],
    about(
        "Folder of a model or of an export; repeat the option for an ensemble.",
        "DIR",
        "--model",
    ),
]
ReplaceUnknown = Annotated[
    bool,
    typer.Option(
        "--replace-unknown",
        help="Replace each unknown token by the source word with the largest attention weight.",
    ),
]
Dictionary = Annotated[
    File,
    about(
        "For --replace-unknown: a source word, a tab and its translation on each line.",
        "FILE.tsv",
    ),
]
Source = Annotated[
    File,
    about(
        "Source text, one sentence per line; plain, .gz or .xz; - is standard input.",
        "FILE",
        panel="data",
    ),
]
Target = Annotated[
    File, about("Target text, one sentence per line, parallel to the source.", "FILE", panel="data")
]
Tsv = Annotated[
    File,
    about(
        "Source and target in one tab-separated file, instead of --source and --target.",
        "FILE",
        panel="data",
    ),
]
Columns = Annotated[
    str | None,
    about(
        "Columns of source and target in a tab-separated file, counted from 1. Default: 1,2.",
        "S,T",
        panel="data",
    ),
]
Weights = Annotated[
    File,
    about(
        "Weight of each pair in the loss: a file with a number on each line of the corpus.",
        "FILE",
        panel="data",
    ),
]
Beam = Annotated[
    int | None,
    about("Beam size; 1 for greedy search. Default: that of the model, usually 5.", "N", min=1),
]
Penalty = Annotated[
    float | None,
    about(
        "Length penalty; values above 0 favor longer translations. Default: that of the model,"
        " usually 1.",
        "X",
    ),
]

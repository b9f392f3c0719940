"""`--config FILE.yaml`: options of a command in a file, such as the `recipe.json` of a training."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from keras_s2s.cli.options import File
from keras_s2s.recipe.old_names import renamed

LARGEST = 100_000  # bytes
SCALARS = (str, int, float, bool)


def read_config(context: typer.Context, path: Path | None) -> Path | None:
    """Take the options of a file as the defaults of the command; the callback of `--config`.

    Args:
        context: The command's context.
        path: The file, a YAML mapping from names of options to values; `None` for no file.

    Returns:
        The path.

    Raises:
        ValueError: The file is no such mapping, an option is unknown, or its value is wrong.
        OSError: The file cannot be read.
    """
    if path is None:
        return None
    parameters = {one.name: one for one in context.command.params if one.name not in NOT_IN_FILES}
    names = {name: one for one in parameters.values() for name in _names(one)}
    chosen: dict[str, Any] = {}
    for key, value in renamed(_normalized(_load(path), path)).items():
        if key not in names:
            close = difflib.get_close_matches(key, names, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise ValueError(
                f"a configuration holds options of {context.command.name}. Received: {key!r} in "
                f"{path}.{hint}"
            )
        parameter = names[key]
        words = _words(value, parameter, f"{key} in {path}")
        if words is not None:
            _check(words, parameter, context, f"{key} in {path}")
            chosen[str(parameter.name)] = words
    context.default_map = {**(context.default_map or {}), **chosen}
    return path


NOT_IN_FILES = ("config", "help")
Config = Annotated[
    File,
    typer.Option(
        "--config",
        help="Options in a YAML file, named as on the command line, such as the recipe.json of an"
        " earlier training. Options on the command line take precedence.",
        metavar="FILE.yaml",
        rich_help_panel="run",
        callback=read_config,
        is_eager=True,
    ),
]


def _names(parameter: Any) -> set[str]:
    """What an option is called in a file, with underscores."""
    return {_key(name) for name in parameter.opts if name.startswith("--")}


def _key(name: str) -> str:
    return name.removeprefix("--").replace("-", "_")


def _load(path: Path) -> Any:
    """The content of a YAML file, of plain values only."""
    import yaml

    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError(f"a configuration has at most {LARGEST:,} bytes. Received: {path}")
    try:
        text = data.decode("utf-8-sig")
        root = yaml.compose(text)
        keys = [key.value for key, _ in root.value] if isinstance(root, yaml.MappingNode) else []
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        what = " ".join(str(error).split())[:200]
        raise ValueError(f"a configuration must be YAML. Received: {path}: {what}") from error
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise ValueError(_twice(twice, path))
    return {} if found is None else found


def _twice(key: str, path: Path) -> str:
    return f"an option may occur only once in a configuration. Received: {key!r} in {path}"


def _normalized(found: Any, path: Path) -> dict[str, Any]:
    if not isinstance(found, Mapping) or not all(isinstance(key, str) for key in found):
        raise ValueError(
            f"a configuration maps names of options to values. Received: {path}, which does not"
        )
    options: dict[str, Any] = {}
    for key, value in found.items():
        if options.setdefault(_key(key), value) is not value:
            raise ValueError(_twice(key, path))
    return options


def _words(value: Any, parameter: Any, where: str) -> Any:
    """A value as on the command line; `None` where none is given."""
    if value is None:
        if parameter.default is not None:
            raise ValueError(f"an option needs a value. Received: none for {where}")
        # What is none on purpose is given, such as a target tokenizer like that of the source.
        return "none" if "none" in str(parameter.metavar).split("|") else None
    several = value if isinstance(value, list) else [value]
    if not all(isinstance(one, SCALARS) for one in several):
        raise ValueError(f"an option is a text, a number or a list. Received: {where}")
    if isinstance(value, list) and not parameter.multiple:
        raise ValueError(f"this option has a single value, not a list. Received: {where}")
    words = [str(one) for one in several]
    return words if parameter.multiple else words[0]


def _check(words: Any, parameter: Any, context: Any, where: str) -> None:
    """Raise ValueError unless the command line would take the value, too."""
    try:
        parameter.process_value(context, words)
    except typer.BadParameter as error:
        raise ValueError(f"{error.message.rstrip('.')}. Received: {where}: {words!r}") from error

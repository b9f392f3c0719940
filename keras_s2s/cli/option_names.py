"""Errors in the words of the command line: `--batch-tokens` where Python says `batch_tokens`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import typer
import typer.main

# Arguments of the library whose options have another name, and the parameters of the commands.
ARGUMENTS = {
    "beam_size": "beam",
    "maximum_length": "max_length",
    "minimum_length": "min_length",
    "no_repeat_ngram_size": "no_repeat_ngram",
    "prefixes": "prefix",
    "sample_weight": "weights",
    "translator": "from_model",
}
# What stands in quotes is a user's text, and is left as it is.
_QUOTED = r"(?<!\w)'(?:[^'\\]|\\.)*'(?!\w)|\"(?:[^\"\\]|\\.)*\""
_MENTION = r"`(?P<alone>\w+)`|(?<![\w./'\"-])(?P<given>\w+)=(?P<value>(?:True|False|None)\b)?"


def as_typed(text: str, app: typer.Typer, words: Sequence[str]) -> str:
    """Name options in a message as they are typed.

    Args:
        text: The message, with names as in Python: `` `name` ``, or `name=value`.
        app: The commands.
        words: The words of the command line; the first one is the command.

    Returns:
        The message; names that are no options of the command are left alone.
    """
    group: Any = typer.main.get_command(app)
    command = getattr(group, "commands", {}).get(words[0])  # An app of one command has none.
    options = {} if command is None else {one.name: one for one in command.params}

    # So is what was typed, such as the folder `units=8,seed=1`.
    own = {part for word in words[1:] for part in (word, word.partition("=")[2])}
    verbatim = sorted((re.escape(one) for one in own if "=" in one or "`" in one), reverse=True)

    def typed(found: re.Match[str]) -> str:
        name = found["alone"] or found["given"]
        option = None if name is None else options.get(ARGUMENTS.get(name, name))
        if option is None:
            return found[0]
        if found["alone"] or found["value"] == "True":
            return option.opts[0]
        if found["value"] is None:
            return f"{option.opts[0]} "
        is_switch = found["value"] == "False" and option.secondary_opts
        return option.secondary_opts[0] if is_switch else f"no {option.opts[0]}"

    return re.sub("|".join([_QUOTED, *verbatim, _MENTION]), typed, text)

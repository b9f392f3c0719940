"""The command line as a target: words in any order."""

import contextlib
import functools
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import typer
from damage import Random, pick
from make import make_translator
from runner import Case

from keras_s2s.cli.main import app


@functools.cache
def options_of(command: str) -> tuple[str, ...]:
    """The names of the options of a command; none of what is no command."""
    group: Any = typer.main.get_command(app)
    found = group.commands.get(command)
    options = [] if found is None else found.params
    return tuple(name for one in options for name in (*one.opts, *one.secondary_opts))


TEXTS = ["the dog runs", "개가 é"]
# All but `web`, which would serve, and what a user may type instead of a command.
COMMANDS = (
    "train prepare translate evaluate score likelihood align average export demo --version".split()
    + [""]
)
OPTIONS = sorted({name for command in COMMANDS for name in options_of(command)})
VALUES = """model in out pairs.tsv - 0 -1 5 1e400 nan inf 10**9 ../out / /dev/null /nowhere/x .
    in/in extend encoder output litert int8 float32 16,32 x.png 99999999999999999999""".split()
OTHERS = ["", "-x", "--", "--model=model", "é\ud800", "a\x1bb"]
STARTS = [
    ["translate", "--model", "model", "--input", "in"],
    ["evaluate", "--model", "model", "--tsv", "pairs.tsv"],
    ["score", "--answers", "in", "--target", "in"],
    ["train", "--tsv", "pairs.tsv", "--valid-tsv", "pairs.tsv", "--output", "out"],
    ["train", "--from", "model", "--tsv", "pairs.tsv", "--output", "out"],
    ["likelihood", "--model", "model", "--tsv", "pairs.tsv"],
    ["align", "--model", "model", "--tsv", "pairs.tsv"],
    ["prepare", "--tsv", "pairs.tsv", "--output", "out"],
    ["average", "--model", "model", "--output", "out"],
    ["export", "--model", "model", "--output", "out"],
]


def arguments(made: Path) -> Case:
    """Words of the command line; training and conversion themselves are left out."""
    import keras_s2s.cli.models as cli_models

    if not (made / "model").exists():
        make_translator().save(made / "model")
    (made / "in").write_text("the dog\n\nruns\n", encoding="utf-8")
    (made / "pairs.tsv").write_text("the dog\tdog the\nruns\truns\n", encoding="utf-8")
    translator = cli_models.load_translator(made / "model")
    translator.translate(TEXTS[:2], maximum_length=3)

    def case(random: Random, folder: Path) -> None:
        for path in made.iterdir():
            (shutil.copytree if path.is_dir() else shutil.copyfile)(path, folder / path.name)
        words = list(pick(random, STARTS)) if random.integers(3) else [pick(random, COMMANDS)]
        own = options_of(words[0]) or OPTIONS
        for _ in range(int(random.integers(0, 5))):
            kind = pick(random, (own, own, OPTIONS, VALUES, VALUES, OTHERS))
            words.insert(int(random.integers(len(words) + 1)), pick(random, kind))
        with without_work(translator):
            call(words, folder)

    return case


@contextlib.contextmanager
def without_work(translator: Any) -> Iterator[None]:
    """Commands end where their work would begin; any model is one that is loaded already."""
    from keras_s2s.export.formats import FORMATS

    def stop(*_: Any, **__: Any) -> Any:
        raise ValueError("Enough: all arguments were taken.")

    def load(*_: Any, **__: Any) -> Any:  # It takes a second, and is fuzzed by itself.
        return translator

    with contextlib.ExitStack() as patches:
        patches.enter_context(patch("keras_s2s.inference.translator.Translator.load", load))
        patches.enter_context(patch("keras_s2s.cli.run_training.train", stop))
        patches.enter_context(patch("keras_s2s.data.prepare.prepare", stop))
        patches.enter_context(patch("keras_s2s.experiments.demo.run_demo", stop))
        for form in FORMATS.values():
            name = f"keras_s2s.export.{form.export.module}.{form.export.name}"
            patches.enter_context(patch(name, stop))
        yield


def call(words: list[str], folder: Path) -> None:
    """Runs a command in a folder; raises what it says when it refuses."""
    from keras_s2s.cli.main import main

    before = os.getcwd()
    out, error = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
            main(words)
    except SystemExit as left:
        lines = error.getvalue().splitlines()
        if left.code:
            assert left.code == 2 and lines, (words, left.code)
            assert lines[-1].startswith("error: "), (words, lines)
            assert not (folder / "out").exists(), words
            raise ValueError(lines[-1]) from left
    finally:
        os.chdir(before)

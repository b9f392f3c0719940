"""The command line: `keras-s2s train | distill | translate | evaluate | score | export | ...`."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Annotated

import typer

from keras_s2s.cli.align import align
from keras_s2s.cli.console import run
from keras_s2s.cli.devices import load_tensorflow
from keras_s2s.cli.evaluate import evaluate, score
from keras_s2s.cli.export import export
from keras_s2s.cli.likelihood import likelihood
from keras_s2s.cli.options import Output, PanelCommand
from keras_s2s.cli.prepare import prepare
from keras_s2s.cli.train import distill, train
from keras_s2s.cli.translate import average, translate
from keras_s2s.cli.web import web

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"max_content_width": 100},
)


@app.callback(invoke_without_command=True)
def start(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Sequence-to-sequence models with attention: train, translate, evaluate, export."""
    if version:
        print(version_of("keras-s2s"))
        raise typer.Exit


@app.command()
def demo(output: Output = Path("demo")) -> None:
    """Train a date normalizer in a few minutes. The dates are in English and Korean."""
    from keras_s2s.experiments.demo import run_demo

    load_tensorflow()
    run_demo(output)


app.command(cls=PanelCommand)(train)
app.command(cls=PanelCommand)(distill)
app.command(cls=PanelCommand)(prepare)
app.command()(translate)
app.command()(evaluate)
app.command()(score)
app.command()(likelihood)
app.command()(align)
app.command()(average)
app.command()(export)
app.command()(web)


def main(arguments: Iterable[str] | None = None) -> None:
    """Run the command line and exit the process; a user's mistake exits with status 2.

    Args:
        arguments: Words of the command line; `None` for those of this process.
    """
    run(app, arguments)

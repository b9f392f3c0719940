"""What the commands share at a terminal: messages, files that appear whole, errors in one line."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, TextIO

import typer

# Typer carries Click within itself, or asks for it, depending on its version.
ClickException = typer.BadParameter.__mro__[2]
STOPPED = 130  # The status of a program that Ctrl-C ended.


def run(app: typer.Typer, arguments: Iterable[str] | None) -> NoReturn:
    """Run a command and leave the process; a user's mistake is one line and status 2.

    Args:
        app: The commands.
        arguments: Words of the command line; `None` for those of this process.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Python would refuse to print a file's name that is no UTF-8.
    for stream, errors in ((sys.stdout, "strict"), (sys.stderr, "backslashreplace")):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors=errors)
    words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    sys.exit(_status(app, words))


def _status(app: typer.Typer, words: list[str]) -> int:
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: say(f"warning: {_one_line(message)}")
            status = app(words, prog_name="keras-s2s", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:  # Who read the answers has seen enough, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (KeyboardInterrupt, typer.Abort):
        status = STOPPED
    except (ClickException, ValueError, TypeError, OSError) as error:
        say(f"error: {_one_line(error)}")
        return 2
    if status == STOPPED:
        say("stopped")
    return status or 0


def _one_line(message: object) -> str:
    text = str(message)
    if isinstance(message, ClickException):
        text = message.format_message()  # pyright: ignore[reportAttributeAccessIssue]
    elif isinstance(message, OSError) and message.filename is not None:
        text = f"{message.strerror}: {message.filename}"
    return " ".join(text.split()) or type(message).__name__


def say(text: str) -> None:
    """Print to the standard error stream, so that the standard output holds answers alone."""
    print(text, file=sys.stderr, flush=True)


def load_tensorflow() -> None:
    """Import it without its remarks on the machine, which no setting silences; errors still raise."""
    sys.stderr.flush()
    standard_error = os.dup(2)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)
    try:
        import tensorflow as tf

        tf.config.list_physical_devices()
        tf.zeros(1)
    finally:
        os.dup2(standard_error, 2)
        os.close(standard_error)
        os.close(silence)


def check_writable(*paths: Path | None) -> None:
    """Raise the OSError of a file that could not be written, before the work is done.

    Args:
        paths: Files that need not exist; `None` and "-" always pass.
    """
    for path in paths:
        if path is None or str(path) == "-":
            continue
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "Is a directory", str(path))
        if path.is_file() or not path.exists():
            with tempfile.TemporaryFile(dir=path.parent):
                pass


def check_picture(path: Path | None) -> None:
    """As `check_writable`, and raise a ValueError if no picture is of that kind."""
    if path is None:
        return
    from matplotlib.backend_bases import FigureCanvasBase

    kinds = sorted(FigureCanvasBase.get_supported_filetypes())
    if path.suffix.lstrip(".").lower() not in kinds:
        raise ValueError(f"a picture must end in one of {', '.join(kinds)}. Received: {path}")
    check_writable(path)


@contextmanager
def whole_path(path: Path) -> Iterator[Path]:
    """Where to write a file that takes its name once it is whole; a device is written itself.

    Args:
        path: The name.

    Yields:
        A path beside it, with the same ending.
    """
    if path.exists() and not path.is_file():
        yield path
        return
    goal = path.resolve()
    part = goal.with_name(f".{os.getpid()}.{goal.name}")
    try:
        yield part
        part.replace(goal)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """A text file that appears under its name once it is whole; "-" is the standard output."""
    if str(path) == "-":
        yield sys.stdout
        return
    with whole_path(path) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        yield file

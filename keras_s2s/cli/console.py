"""How a command runs: exit status, one-line errors, and messages on standard error."""

from __future__ import annotations

import atexit
import os
import sys
import warnings
from collections.abc import Iterable
from io import TextIOWrapper
from typing import Any, NoReturn

import typer

from keras_s2s.cli.option_names import as_typed

# Typer carries Click within itself, or asks for it, depending on its version.
ClickException: Any = typer.BadParameter.__mro__[2]
STOPPED = 130  # The status of a program that Ctrl-C ended.


class Nowhere(TextIOWrapper):
    """Replaces a stream that the shell has closed."""

    def __init__(self, path: str, mode: str) -> None:
        super().__init__(open(path, f"{mode}b"), encoding="utf-8")  # noqa: SIM115


def run(app: typer.Typer, arguments: Iterable[str] | None) -> NoReturn:
    """Run a command and exit the process; a user's mistake prints one line and exits with 2.

    Args:
        app: The commands.
        arguments: Arguments of the command line; `None` for those of this process.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # A shell can close it.
            setattr(sys, name, Nowhere(os.devnull, mode))
    # Python would refuse to print a file name that is not UTF-8.
    for stream, errors in ((sys.stdout, "strict"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors=errors)
    words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    atexit.register(_silence)
    sys.exit(_status(app, words))


def _silence() -> None:
    """Discard what C++ libraries print when the process ends."""
    sys.stderr.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _status(app: typer.Typer, words: list[str]) -> int:
    def told(message: Any) -> str:
        text = _one_line(message)
        is_own = isinstance(message, (ValueError, TypeError, Warning))
        return as_typed(text, app, words) if is_own else text

    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_, **__: say(f"warning: {told(message)}")
            status = app(words, prog_name="keras-s2s", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:  # The reader has closed the pipe, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (KeyboardInterrupt, typer.Abort):
        status = STOPPED
    except (ClickException, ValueError, TypeError, OSError, ImportError) as error:
        say(f"error: {told(error)}")
        return 2
    except Exception as error:
        from keras_s2s.training.distribution import TRY_AGAIN, WorkerLostError

        if isinstance(error, WorkerLostError):
            say(f"error: {_one_line(error)}")
            return TRY_AGAIN
        # TensorFlow's class, compared by name: importing it would load TensorFlow.
        if not isinstance(error, MemoryError) and type(error).__name__ != "ResourceExhaustedError":
            raise
        if "No space left on device" in str(error):
            say("error: No space left on device")
            return 2
        say(f"error: there is not enough memory for this. {_one_line(error).partition(' [')[0]}")
        return 2
    if status == STOPPED:
        say("stopped")
    return status or 0


def _one_line(message: Any) -> str:
    text = str(message)
    if isinstance(message, ClickException):
        text = message.format_message()
    elif isinstance(message, OSError) and message.filename is not None:
        text = f"{message.strerror}: {message.filename}"
    return " ".join(text.split()) or type(message).__name__


def say(text: str) -> None:
    """Print to standard error, so that standard output holds the results alone."""
    print(text, file=sys.stderr, flush=True)

"""Output files of the commands, written completely or not at all."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from keras_s2s.cli.console import Nowhere

PICTURES = (".jpeg", ".jpg", ".pdf", ".png", ".svg", ".webp")


def check_writable(*paths: Path | None, inputs: Iterable[Path | None] = ()) -> None:
    """Raise the error of a file that cannot be written, before any work is done.

    Args:
        paths: Different files, which need not exist; `None` and "-" always pass.
        inputs: Files that are read, and must not be overwritten.

    Raises:
        ValueError: Two are the same file, or one is an input.
        OSError: One cannot be written.
    """
    files = [path for path in paths if path is not None and str(path) != "-"]
    read = {path.resolve() for path in inputs if path is not None and path.is_file()}
    for path in files:
        if path.resolve() in read:
            raise ValueError(f"an output must not be an input as well. Received: {path} for both")
        others = [other.resolve() for other in files if other is not path]
        if path.resolve() in others and (path.is_file() or not path.exists()):
            raise ValueError(f"two outputs must be two files. Received: {path} for both")
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "Is a directory", str(path))
        if path.is_file() or not path.exists():
            try:
                with tempfile.TemporaryFile(dir=path.parent):
                    pass
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(path)) from error


def check_picture(path: Path | None) -> None:
    """Raise the error of a picture that cannot be written, see `check_writable`."""
    if path is not None and path.suffix.lower() not in PICTURES:
        raise ValueError(f"a picture must end in one of {', '.join(PICTURES)}. Received: {path}")
    check_writable(path)


@contextmanager
def whole_path(path: Path) -> Iterator[Path]:
    """A temporary path for a file, which is renamed when it is complete; a device is written to.

    Args:
        path: The name.

    Yields:
        A path in the same folder, with the same suffix.
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
    """A text file that is renamed when it is complete; "-" is standard output."""
    if str(path) == "-":
        if isinstance(sys.stdout, Nowhere):
            raise OSError(errno.EBADF, "The stream is closed", "standard output")
        yield sys.stdout
        return
    with whole_path(path) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        yield file

"""What the commands write: files that appear whole or not at all."""

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
    """Raise the error of a file that could not be written, before the work is done.

    Args:
        paths: Files that need not exist, each another one; `None` and "-" always pass.
        inputs: Files that are read, and must not be written over.

    Raises:
        ValueError: Two of them are the same file, or one is read.
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
    """Raise the error of a picture that could not be written, see `check_writable`."""
    if path is not None and path.suffix.lower() not in PICTURES:
        raise ValueError(f"a picture must end in one of {', '.join(PICTURES)}. Received: {path}")
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
        if isinstance(sys.stdout, Nowhere):
            raise OSError(errno.EBADF, "The answers have nowhere to go", "standard output")
        yield sys.stdout
        return
    with whole_path(path) as part, part.open("w", encoding="utf-8", newline="\n") as file:
        yield file

"""What the commands share: corpora by option, files that appear whole, errors in one line."""

from __future__ import annotations

import atexit
import errno
import os
import sys
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any, NoReturn, TextIO

import typer

from keras_s2s.cli_options import open_corpus

# Typer carries Click within itself, or asks for it, depending on its version.
ClickException: Any = typer.BadParameter.__mro__[2]
STOPPED = 130  # The status of a program that Ctrl-C ended.
PICTURES = (".jpeg", ".jpg", ".pdf", ".png", ".svg", ".webp")


class Nowhere(TextIOWrapper):
    """Stands for a stream that the shell has closed."""

    def __init__(self, path: str, mode: str) -> None:
        super().__init__(open(path, f"{mode}b"), encoding="utf-8")  # noqa: SIM115


def run(app: typer.Typer, arguments: Iterable[str] | None) -> NoReturn:
    """Run a command and leave the process; a user's mistake is one line and status 2.

    Args:
        app: The commands.
        arguments: Words of the command line; `None` for those of this process.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # A shell can close it.
            setattr(sys, name, Nowhere(os.devnull, mode))
    # Python would refuse to print a file's name that is no UTF-8.
    for stream, errors in ((sys.stdout, "strict"), (sys.stderr, "backslashreplace")):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors=errors)
    words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    atexit.register(_silence)
    sys.exit(_status(app, words))


def _silence() -> None:
    """Libraries in C++ speak once more when the process ends."""
    sys.stderr.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


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
    except (ClickException, ValueError, TypeError, OSError, ImportError) as error:
        say(f"error: {_one_line(error)}")
        return 2
    except Exception as error:
        from keras_s2s.training.distribution import TRY_AGAIN, WorkerLostError

        if isinstance(error, WorkerLostError):
            say(f"error: {_one_line(error)}")
            return TRY_AGAIN
        # TensorFlow's own; to name its class would load it.
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
    """Print to the standard error stream, so that the standard output holds answers alone."""
    print(text, file=sys.stderr, flush=True)


def read_pairs(
    side: str, source: Path | None, target: Path | None, tsv: Path | None, *, keep_all: bool = False
) -> list[tuple[str, str]]:
    """Read the pairs of two files or of a TSV, and tell what was found in them.

    Args:
        side: What stands before the names of the options: "" or "valid-".
        source: File of the sources.
        target: File of the targets.
        tsv: File of both instead.
        keep_all: As for `Corpus`.

    Returns:
        The pairs, at least one.

    Raises:
        ValueError: There is none, the corpus has an error, or the files are not one of both kinds.
        OSError: A file cannot be read.
    """
    corpus = open_corpus(side, source, target, tsv, keep_all=keep_all)
    pairs = list(corpus)
    say(str(corpus.report))
    if not pairs:
        raise ValueError(f"there is no pair in {source or tsv}")
    return pairs


def read_references(
    source: Path | None, targets: list[Path], tsv: Path | None, group: bool
) -> tuple[list[str], list[list[str]]]:
    """Read what answers are scored against.

    Args:
        source: File of the sources.
        targets: Files of right answers, each as long as the sources.
        tsv: File of both instead.
        group: Whether the lines of one source are one sentence.

    Returns:
        The sources, and for each of them its right answers.

    Raises:
        ValueError: As `read_pairs`, and where a file is shorter or longer than the sources.
        OSError: A file cannot be read.
    """
    from keras_s2s.text.corpus import read_lines

    pairs = read_pairs("", source, targets[0] if targets else None, tsv, keep_all=True)
    sources, references = [pair[0] for pair in pairs], [[pair[1]] for pair in pairs]
    for path in targets[1:]:
        lines = list(read_lines(str(path)))
        if len(lines) != len(sources):
            raise ValueError(
                f"every --target must have as many lines as the source, {len(sources):,}. "
                f"Received: {path} with {len(lines):,} lines"
            )
        for row, line in zip(references, lines, strict=True):
            row.append(line)
    if not group:
        return sources, references
    grouped: dict[str, list[str]] = {}
    for text, row in zip(sources, references, strict=True):
        grouped.setdefault(text, []).extend(row)
    return list(grouped), list(grouped.values())


def read_dictionary(path: Path | None, replace_unknown: bool) -> dict[str, str] | None:
    """Read the words that take the place of unknown ones, and tell what was found in the file.

    Args:
        path: A source word and its translation on each line, a TAB between; of several
            translations the first counts. `None` for no file.
        replace_unknown: Whether they are asked for.

    Returns:
        The translations of source words, `None` without a file.

    Raises:
        ValueError: Nothing would use them, there is none, or a line is no pair.
        OSError: The file cannot be read.
    """
    from keras_s2s.text.corpus import Corpus

    if path is None:
        return None
    if not replace_unknown:
        raise ValueError(f"--dictionary goes with --replace-unknown. Received: {path} alone")
    corpus = Corpus.from_tsv(str(path), duplicates="ignore", keep_all=True)
    words: dict[str, str] = {}
    for source, target in corpus:
        if source and target:
            words.setdefault(source, target)
    say(str(corpus.report))
    if not words:
        raise ValueError(f"there is no pair of words in {path}")
    return words


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

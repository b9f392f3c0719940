"""Folders that are written atomically, with a description that lists all their files."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

FORMAT_VERSION = 1
MOST_DESCRIPTION = 2**24  # Bytes of a JSON file, which takes up to 25 times as much memory.


class OtherVersionError(ValueError):
    """A folder has another format version."""


@dataclass(frozen=True)
class FolderKind:
    """A kind of folder, and the file in it that describes it.

    Attributes:
        what: Name in error messages, with its article: "a translator".
        description: Name of the JSON file that lists the other files, with digests as "sha256".
        form: Its value of "format"; a file without it does not belong to this kind of folder.
        origin: In error messages, what creates such a folder: "the training".
        companions: Names of further files that are replaced together with the listed ones.
    """

    what: str
    description: str
    form: str
    origin: str
    companions: tuple[str, ...] = ()

    def check_goal(self, folder: Path) -> Path:
        """Raise unless a folder of this kind can be saved here; recover from an earlier crash.

        Args:
            folder: The output folder; need not exist.

        Returns:
            The absolute path of the folder.

        Raises:
            ValueError: It is a file, or contains other files.
            OSError: It cannot be written.
        """
        folder, what = folder.resolve(), self.what.capitalize()
        if folder.exists() and not folder.is_dir():
            raise ValueError(f"{what} is saved in a folder. Received: {str(folder)!r}, a file.")
        if not folder.name:
            raise ValueError(f"{what} needs a folder with a name. Received: {str(folder)!r}.")
        others = self._others(folder)
        if others:
            raise ValueError(
                f"{what} is saved in a folder of its own, which is replaced as a whole. Received: "
                f"{str(folder)!r}, which holds {others[0]!r}. Move that away, or name another "
                "folder."
            )
        previous = _previous(folder)
        if self.is_in(previous):
            if self.is_in(folder):
                with _beside(folder) as temporary:
                    previous.rename(Path(temporary) / "old")
            else:
                if folder.exists():
                    folder.rmdir()
                previous.rename(folder)
        elif previous.exists():
            raise ValueError(
                f"{what} needs the name {previous} for a moment. Received: another file or folder "
                "of this name. Delete it, or move it away."
            )
        with _parents_made(folder, keep=False), _beside(folder):
            return folder

    def find(self, folder: Path) -> Path:
        """The folder, or its backup if `replaced` was interrupted between two renames."""
        folder = folder.resolve()
        previous = _previous(folder)
        return previous if self.is_in(previous) and not self.is_in(folder) else folder

    @contextmanager
    def replaced(self, folder: Path) -> Iterator[Path]:
        """Yield a new folder beside the target to write into, and rename it at the end.

        An existing folder is first moved to `.NAME.previous`. A process killed between the two
        renames leaves it there, where `find` looks for it; killed at any other time it leaves
        the old or the new folder in place. Partial output of a killed process is in `.NAME-...`
        and may be deleted.
        """
        folder = self.check_goal(folder)
        with _parents_made(folder), _beside(folder) as temporary:
            new = Path(temporary) / "new"
            new.mkdir()
            yield new
            self.rename(new, folder)

    def rename(self, new: Path, folder: Path) -> None:
        """Move a new folder to its target, as `replaced` does at the end."""
        previous = _previous(folder)
        try:
            if folder.exists():
                folder.rename(previous)
            new.rename(folder)
        except BaseException:
            if previous.exists() and not folder.exists():
                previous.rename(folder)
            raise
        if previous.exists():  # Renamed first, so that a partial deletion is not in the way.
            old = new.with_name("old")
            with suppress(OSError):
                previous.rename(old)
                shutil.rmtree(old, ignore_errors=True)

    def read(self, folder: Path) -> dict[str, Any]:
        """Read the description, and check its format and version.

        Args:
            folder: The folder.

        Returns:
            Its content.

        Raises:
            ValueError: It is missing, damaged or of another version.
        """
        path = folder / self.description
        try:
            content = read_inside(folder, self.description)
        except OSError as error:
            raise ValueError(
                f"This must be the folder of {self.what}. Received: {str(folder)!r} "
                f"({error.strerror}: {self.description}). Name the --output folder of "
                f"{self.origin}."
            ) from error
        try:
            found = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise ValueError(
                f"{path} is damaged. Received: {error}. Copy the folder again."
            ) from error
        got = found.get("format") if isinstance(found, dict) else None
        if got != self.form:
            raise ValueError(
                f"{path} does not describe {self.what}. Received: format={got!r}, not {self.form!r}"
            )
        if found.get("format_version") != FORMAT_VERSION:
            raise OtherVersionError(
                f"{path} must have format version {FORMAT_VERSION}. Received: format_version="
                f"{found.get('format_version')!r}. Use the keras-s2s that wrote it."
            )
        return found

    def describe(self, new: Path, content: dict[str, Any]) -> None:
        """Write the description of all files that are currently in a folder."""
        digests = {
            path.relative_to(new).as_posix(): digest(path)
            for path in sorted(new.rglob("*"))
            if path.is_file()
        }
        head = {"format": self.form, "format_version": FORMAT_VERSION}
        description = {**head, **content, "sha256": digests}
        text = json.dumps(description, indent=1, ensure_ascii=False) + "\n"
        (new / self.description).write_text(text, encoding="utf-8")

    def check_files(self, folder: Path, digests: dict[str, str], cure: str) -> None:
        """Raise unless every file exists and has its digest."""
        for name, expected in digests.items():
            path = folder / name
            try:
                is_whole = digest(inside(folder, name)) == expected
            except (FileNotFoundError, NotADirectoryError):
                is_whole = False
            if not is_whole:
                raise ValueError(
                    f"A file of {self.what} is missing or damaged. Received: {path}. {cure}"
                )

    def is_in(self, folder: Path) -> bool:
        """Whether a folder is of this kind, complete or not."""
        try:
            description = json.loads(read_inside(folder, self.description))
        except (OSError, ValueError, RecursionError):
            return False
        return isinstance(description, dict) and description.get("format") == self.form

    def _others(self, folder: Path) -> list[str]:
        """Files in a folder that its description does not list; all if there is no description."""
        if not folder.exists():
            return []
        if not self.is_in(folder):
            return sorted(path.name for path in folder.iterdir())
        try:
            own = set(json.loads(read_inside(folder, self.description))["sha256"])
        except (ValueError, KeyError, TypeError, RecursionError):
            own = set()
        own |= {self.description, *self.companions}
        files = (path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())
        return sorted({path.relative_to(folder).as_posix() for path in files} - own)


def are_names_inside(digests: Any) -> bool:
    """Whether the files that a description lists are inside its folder."""
    return isinstance(digests, dict) and not any(
        Path(name).is_absolute() or ".." in Path(name).parts for name in digests
    )


def inside(folder: Path, name: str) -> Path:
    """The path of a file in a folder; no link may lead out of it, nor to a pipe or a device.

    Args:
        folder: The folder.
        name: Name of the file in the folder's description.

    Raises:
        OSError: It does not exist.
        ValueError: It is not a regular file, or is outside of the folder.
    """
    path = folder / name
    if "\0" in name:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    found = Path(os.path.realpath(path, strict=True))
    if not found.is_file() or not found.is_relative_to(folder.resolve()):
        raise ValueError(f"{path} must be a file in its folder. Received: {found}. Copy it there.")
    return path


def read_inside(folder: Path, name: str, most: int = MOST_DESCRIPTION) -> bytes:
    """The content of a small file in a folder, see `inside`.

    Args:
        folder: The folder.
        name: Name of the file.
        most: Maximum size in bytes.

    Raises:
        OSError: It does not exist, or cannot be read.
        ValueError: It is larger, is not a regular file, or is outside of the folder.
    """
    path = inside(folder, name)
    size = path.stat().st_size
    if size > most:
        raise ValueError(f"{path} must have at most {most:,} bytes. Received: {size:,} bytes.")
    return path.read_bytes()


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()


def versions(*names: str) -> dict[str, str | None]:
    """The installed versions of packages, None for those that are not installed."""
    found: dict[str, str | None] = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


@contextmanager
def _parents_made(folder: Path, *, keep: bool = True) -> Iterator[None]:
    """Create the parent folders; delete them again after an error or without `keep`."""
    made = [parent for parent in folder.parents if not parent.exists()]
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        keep = False
        raise
    finally:
        if not keep:
            with suppress(OSError):  # Another process uses one of them.
                for parent in made:
                    parent.rmdir()


def _beside(folder: Path) -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent)


def _previous(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.previous")

"""Folders that are written whole or not at all, and that name every file which is their own."""

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
MOST_DESCRIPTION = 2**24  # Bytes of a JSON file, which takes up to 25 times as many in memory.


class OtherVersionError(ValueError):
    """A folder is of another format version."""


@dataclass(frozen=True)
class FolderKind:
    """What a folder holds, and the file in it that says so.

    Attributes:
        what: In errors, with its article: "a translator".
        description: Name of the JSON file that lists the others, with their digests, as "sha256".
        form: What that file says under "format"; a file of the name without it is somebody else's.
        origin: In errors, where such a folder comes from: "the training".
        companions: Names that may stand beside them and are replaced together with them.
    """

    what: str
    description: str
    form: str
    origin: str
    companions: tuple[str, ...] = ()

    def check_goal(self, folder: Path) -> Path:
        """Raise unless one may be saved in a folder and can be; mend what a crash left.

        Args:
            folder: Need not exist.

        Returns:
            The folder by its full name, which a change of the working directory does not touch.

        Raises:
            ValueError: It is a file, or holds something else.
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
                f"{what} needs the name {previous} for a moment. Received: that there is something "
                "of the name. Delete it, or move it away."
            )
        with _parents_made(folder, keep=False), _beside(folder):
            return folder

    def find(self, folder: Path) -> Path:
        """The folder, or what `replaced` left of it if it was stopped between two renames."""
        folder = folder.resolve()
        previous = _previous(folder)
        return previous if self.is_in(previous) and not self.is_in(folder) else folder

    @contextmanager
    def replaced(self, folder: Path) -> Iterator[Path]:
        """Give a new folder beside its goal to write into, and rename it at the end.

        A folder that is there already steps aside first, so between two renames there is none of
        the name. A process that dies just then leaves the old one as `.NAME.previous`, where `find`
        finds it; anywhere else it leaves the old or the new one in place. What a killed process had
        written so far lies in `.NAME-...` and may be deleted.
        """
        folder = self.check_goal(folder)
        with _parents_made(folder), _beside(folder) as temporary:
            new = Path(temporary) / "new"
            new.mkdir()
            yield new
            self.rename(new, folder)

    def rename(self, new: Path, folder: Path) -> None:
        """Put a new folder in the place of its goal, as `replaced` does at the end."""
        previous = _previous(folder)
        try:
            if folder.exists():
                folder.rename(previous)
            new.rename(folder)
        except BaseException:
            if previous.exists() and not folder.exists():
                previous.rename(folder)
            raise
        if previous.exists():  # Away from its name first: a rest of it would be in the way.
            old = new.with_name("old")
            with suppress(OSError):
                previous.rename(old)
                shutil.rmtree(old, ignore_errors=True)

    def read(self, folder: Path) -> dict[str, Any]:
        """Read the description, and check that it is one of ours and of this version.

        Args:
            folder: Where one was written.

        Returns:
            What it says.

        Raises:
            ValueError: There is none, or a damaged one, or one of another version.
        """
        path = folder / self.description
        try:
            found = json.loads(read_inside(folder, self.description))
        except OSError as error:
            raise ValueError(
                f"This must be the folder of {self.what}. Received: {str(folder)!r} "
                f"({error.strerror}: {self.description}). Name the --output folder of "
                f"{self.origin}."
            ) from error
        except (ValueError, RecursionError) as error:
            raise ValueError(
                f"{path} is damaged. Received: {error}. Copy the folder again."
            ) from error
        if not isinstance(found, dict) or found.get("format") != self.form:
            raise ValueError(
                f"{path} does not describe {self.what}. Received: format is not {self.form!r}."
            )
        if found.get("format_version") != FORMAT_VERSION:
            raise OtherVersionError(
                f"{path} must have format version {FORMAT_VERSION}. Received: format_version="
                f"{found.get('format_version')!r}. Use the keras-s2s that wrote it."
            )
        return found

    def describe(self, new: Path, content: dict[str, Any]) -> None:
        """Write the description of all files that are in a folder now."""
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
        """Raise unless every file is there and as it was written."""
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
        """Whether a folder holds one, whole or not."""
        try:
            description = json.loads(read_inside(folder, self.description))
        except (OSError, ValueError, RecursionError):
            return False
        return isinstance(description, dict) and description.get("format") == self.form

    def _others(self, folder: Path) -> list[str]:
        """What is in a folder besides its own; all, where there is no description."""
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
    """Whether what a description lists as its files can be files of its folder."""
    return isinstance(digests, dict) and not any(
        Path(name).is_absolute() or ".." in Path(name).parts for name in digests
    )


def inside(folder: Path, name: str) -> Path:
    """A file of a folder, which no link may lead out of, nor to a pipe or a device.

    Args:
        folder: Where it must be.
        name: What the folder's description calls it.

    Raises:
        OSError: There is none.
        ValueError: It is no file, or lies elsewhere.
    """
    path = folder / name
    if "\0" in name:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    found = Path(os.path.realpath(path, strict=True))
    if not found.is_file() or not found.is_relative_to(folder.resolve()):
        raise ValueError(f"{path} must be a file in its folder. Received: {found}. Copy it there.")
    return path


def read_inside(folder: Path, name: str, most: int = MOST_DESCRIPTION) -> bytes:
    """The content of a small file of a folder, see `inside`.

    Args:
        folder: Where it must be.
        name: Of the file.
        most: Bytes that it may have.

    Raises:
        OSError: There is none, or it cannot be read.
        ValueError: It is larger, is no file, or lies elsewhere.
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
    """The installed versions of packages, None for those that are not there."""
    found: dict[str, str | None] = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


@contextmanager
def _parents_made(folder: Path, *, keep: bool = True) -> Iterator[None]:
    """Make the folders on the way; take them away again where all was for nothing."""
    made = [parent for parent in folder.parents if not parent.exists()]
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        keep = False
        raise
    finally:
        if not keep:
            with suppress(OSError):  # Somebody else uses one already.
                for parent in made:
                    parent.rmdir()


def _beside(folder: Path) -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent)


def _previous(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.previous")

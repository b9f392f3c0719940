"""Standard input that is no file: it knows whether its next line has come yet."""

from __future__ import annotations

import io
import os
import select
import stat
import sys

ARCHIVES = (b"\x1f\x8b", b"\xfd7zXZ\x00")  # How files of gzip and xz begin.
_BLOCK = 65_536  # bytes, as much as a pipe holds


class PipeReader(io.BufferedIOBase):
    """Reads what another process, or a person, writes by and by.

    Args:
        descriptor: The number of an open file.
        name: Its name, for messages.
    """

    def __init__(self, descriptor: int, name: str = "standard input") -> None:
        self._descriptor = descriptor
        self.name = name
        self._buffer = bytearray()
        self._is_packed = False
        self._ended = False

    def _fill(self) -> bool:
        """Wait for more bytes; False at the end."""
        if not self._ended:
            try:
                block = os.read(self._descriptor, _BLOCK)
            except BlockingIOError:  # Another process has set it so.
                select.select([self._descriptor], [], [])
                return True
            self._ended = not block
            self._buffer += block
        return not self._ended

    def must_wait(self) -> bool:
        """Whether the next line has not come yet, at least not as a whole.

        What comes packed is read as a file is: its lines are not known before it is unpacked.
        """
        if self._is_packed:
            return False
        while not self._ended and b"\n" not in self._buffer and self._has_come():
            self._fill()
        return not self._ended and b"\n" not in self._buffer

    def _has_come(self) -> bool:
        """Whether reading would not wait."""
        try:
            return bool(select.select([self._descriptor], [], [], 0)[0])
        except OSError:  # Windows' is for sockets alone.
            return False

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def peek(self, size: int = 0) -> bytes:
        """The next bytes, which stay to be read; waits for `size` of them, or for a line."""
        while len(self._buffer) < size and b"\n" not in self._buffer and self._fill():
            pass
        self._is_packed = self._buffer.startswith(ARCHIVES)
        return bytes(self._buffer)

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to `size` bytes, all by default."""
        wanted = sys.maxsize if size is None or size < 0 else size
        while len(self._buffer) < wanted and self._fill():
            pass
        return self._take(wanted)

    def readline(self, size: int | None = -1, /) -> bytes:
        """The next line, or `size` bytes of it."""
        limit = sys.maxsize if size is None or size < 0 else size
        searched = 0
        while True:
            end = self._buffer.find(b"\n", searched)
            if end >= 0 or len(self._buffer) >= limit:
                break
            searched = len(self._buffer)
            if not self._fill():
                break
        return self._take(min(limit, end + 1 if end >= 0 else len(self._buffer)))

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken


def pipe_of(path: str) -> PipeReader | None:
    """A reader of a pipe by its path, "-" for standard input; `None` for a file.

    Raises:
        OSError: It cannot be opened.
    """
    if path != "-":
        if not os.path.exists(path) or not stat.S_ISFIFO(os.stat(path).st_mode):
            return None
        return PipeReader(os.open(path, os.O_RDONLY), path)
    try:
        descriptor = sys.stdin.fileno()
    except (OSError, ValueError, AttributeError):  # It was replaced.
        return None
    return None if stat.S_ISREG(os.fstat(descriptor).st_mode) else PipeReader(descriptor)

"""A lock that lets one process at a time work on a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock, which is released when the process ends, however it ends.

    Args:
        path: Path of the lock file; created, and deleted at the end.

    Raises:
        ValueError: Another process holds the lock.
        OSError: The file cannot be created.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "lock")
        >>> with locked(path):
        ...     path.exists()
        True
        >>> path.exists()
        False
    """
    try:
        import fcntl
    except ImportError:  # Not available on Windows.
        yield
        return
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            raise ValueError(
                f"one process at a time can do this. Received: another one at work, which holds "
                f"{path}. Wait for it, or name another folder."
            ) from None
        except OSError:  # A file system without locks.
            os.close(file)
            yield
            return
        if path.exists() and os.path.samestat(os.fstat(file), path.stat()):
            break
        os.close(file)  # Its holder has just deleted it.
    try:
        yield
    finally:
        try:
            path.unlink(missing_ok=True)
        finally:
            os.close(file)

"""Suppresses what C++ libraries write to the standard error stream."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr


@contextmanager
def without_remarks() -> Iterator[None]:
    """Suppress what C++ libraries, but not Python, write to the standard error stream."""
    sys.stderr.flush()
    standard_error = os.dup(2)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)
    try:
        with open(standard_error, "w", closefd=False) as python, redirect_stderr(python):
            yield
    finally:
        os.dup2(standard_error, 2)
        os.close(standard_error)
        os.close(silence)

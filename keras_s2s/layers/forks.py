"""A clear error where TensorFlow or JAX would hang: in a process that was forked from theirs."""

from __future__ import annotations

import functools
import os


@functools.cache
def _first_process() -> int:
    """The process that first asked: the one in which a model was made or has run."""
    return os.getpid()


def check_not_forked() -> None:
    """Raise in a process that was forked after a model had been made.

    Raises:
        RuntimeError: The process was forked after a model had been made.
    """
    first, own = _first_process(), os.getpid()
    if own != first:
        raise RuntimeError(
            "A model can't run in a process that was forked after one had been made: the backend's "
            "threads are not forked with it, and it would wait for them forever. Start processes "
            "with multiprocessing.get_context('spawn'), or create models in the new process only. "
            f"Received: process {own}, forked from {first}."
        )

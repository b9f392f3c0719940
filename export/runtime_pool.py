"""Runtimes of one model file that threads share, and that survive a fork."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

# Maps the name of a signature, and its inputs by name, to its outputs by name.
Run = Callable[[str, dict[str, "np.ndarray"]], dict[str, "np.ndarray"]]


class RuntimePool:
    """A function that any number of threads may call at the same time.

    An interpreter keeps the tensors of a call in itself, so it serves one thread at a time. No
    call depends on the one before, so any interpreter serves any call: each takes a free one, a new
    one where there are fewer than processors, and waits otherwise.

    A process that was forked makes its own: the threads of the others were not forked with them.

    Args:
        make: Makes a runtime.
        shared: Whether one runtime serves all threads at the same time.
    """

    def __init__(self, make: Callable[[], Run], *, shared: bool = False) -> None:
        self._make = make
        self._shared = shared
        self._inherited: list[list[Run]] = []  # Never freed: that would wait for their threads.
        self._state = self._begin()

    def _begin(self) -> tuple[int, threading.Semaphore, list[Run]]:
        places = threading.Semaphore(os.cpu_count() or 1)
        return os.getpid(), places, [self._make()]

    def __call__(self, name: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run a signature."""
        process, places, free = self._state
        if process != os.getpid():
            self._inherited.append(free)
            process, places, free = self._state = self._begin()
        if self._shared:
            return free[0](name, inputs)
        with places:
            try:
                run = free.pop()
            except IndexError:
                run = self._make()
            try:
                return run(name, inputs)
            finally:
                free.append(run)

"""TensorFlow, its devices and termination signals, for the commands that need them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from keras_s2s.cli.console import say
from keras_s2s.files.native_logs import without_remarks
from keras_s2s.training.distribution import TRY_AGAIN
from keras_s2s.training.machine import thread_limit


def load_tensorflow() -> None:
    """Import TensorFlow without its log messages about the machine.

    In a container whose quota is smaller than the machine, it gets fewer threads.
    """
    limit = thread_limit()
    if limit is not None:
        os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(limit))
    with without_remarks():
        import tensorflow as tf

        tf.config.list_physical_devices()
        tf.zeros(1)


def load_strategy(name: str) -> Any:
    """Load TensorFlow, and make a strategy by its name, see `make_strategy`."""
    from keras_s2s.training.distribution import is_multi_worker, make_strategy, worker_name

    if name == "none":
        load_tensorflow()
        return None
    with without_remarks():
        import tensorflow as tf
    tf.get_logger().setLevel("ERROR")
    with without_remarks():  # Several workers need this before any computation.
        strategy = make_strategy(name)
    count = strategy.num_replicas_in_sync  # pyright: ignore[reportOptionalMemberAccess]
    if is_multi_worker(strategy):
        say(f"this is {worker_name()} of {count}, which wait for each other; the first one writes")
    else:
        say(f"devices that train together: {count}")
    return strategy


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """Exit on SIGTERM with the status that asks to be started again."""

    def end(*_: Any) -> None:
        os.write(2, b"received a signal to stop\n")
        raise SystemExit(TRY_AGAIN)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

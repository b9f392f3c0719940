"""`fit` that resumes from the newest checkpoint, and writes one when it is interrupted."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras

from keras_s2s.training.checkpoint_writer import CheckpointWriter
from keras_s2s.training.checkpoints import Checkpoints, Stateful
from keras_s2s.training.distribution import (
    TRY_AGAIN,
    WorkerLostError,
    detect_lost_workers,
    distribute_dataset,
    patch_multi_worker_fit,
)
from keras_s2s.training.replicas import strategy_of


class TrainingHistory(keras.callbacks.History):
    """Keras' `History` whose content is stored in checkpoints.

    Example:
        >>> TrainingHistory().get_state()
        {'history': {}}
    """

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[float]] = {}

    def get_state(self) -> dict[str, Any]:
        """The state to store in a checkpoint."""
        return {"history": {k: [float(v) for v in values] for k, values in self.history.items()}}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned."""
        self.history = state["history"]


class _StopOnSignal(keras.callbacks.Callback):
    """Writes a checkpoint and leaves `fit` at the end of a step, after a SIGTERM or Ctrl-C."""

    def __init__(self, writer: CheckpointWriter) -> None:
        super().__init__()
        self.writer = writer
        self.received: int | None = None

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch + 1 < (self.params.get("steps") or 0):
            self._stop_if_received()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._stop_if_received()

    def _stop_if_received(self) -> None:
        if self.received is None:
            return
        self.writer.save()
        if self.writer.checkpoints.is_writer:
            _say(f"a checkpoint of now is in {self.writer.checkpoints.folder}")
        self.raise_exit()

    def raise_exit(self) -> None:
        """Raise the exception of the signal."""
        raise KeyboardInterrupt if self.received == signal.SIGINT else SystemExit(TRY_AGAIN)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Store a signal instead of ending, in a thread that can handle signals."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def handle(number: int, *_: Any) -> None:
            if number == self.received == signal.SIGINT:
                raise KeyboardInterrupt
            self.received = number
            _say(
                "\nending after this batch; Ctrl-C again: at once, without a checkpoint"
                if number == signal.SIGINT
                else "received a signal to stop: ending after this batch"
            )

        signals = signal.SIGTERM, signal.SIGINT
        previous = {number: signal.signal(number, handle) for number in signals}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def _say(text: str) -> None:
    """Write without Python's buffers, which may be in use when the signal arrives."""
    os.write(2, f"{text}\n".encode())


def resumable_fit(
    model: Any,
    batches: Any,
    epochs: int,
    checkpoints: Checkpoints,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    *,
    history: TrainingHistory | None = None,
    validation_data: Any = None,
    verbose: int | str = "auto",
) -> keras.callbacks.History:
    """Train a model, resuming from the newest checkpoint if there is one.

    On hardware where the same steps give the same numbers, the weights equal those of an
    uninterrupted training, bit for bit. After a SIGTERM or Ctrl-C a checkpoint is written at the
    end of the step; a running validation is completed first. The last checkpoint marks all epochs
    as completed: another call trains no more, and one with more epochs continues.

    Args:
        model: A compiled Keras model, created in the scope of its strategy.
        batches: `Batches`, or an object with the same `dataset` and `steps_per_epoch`.
        epochs: Total number of epochs.
        checkpoints: Where the checkpoints are. Of the data only the number of steps is compared.
        callbacks: For `fit`. The states of those with `get_state` and `set_state` are stored in the
            checkpoints, by the name of their class and their order.
        history: Filled with the history, so that it is known after an error too; `None` for a new
            one.
        validation_data: For `fit`.
        verbose: For `fit`.

    Returns:
        The history of all epochs, those before the checkpoint included.

    Raises:
        SystemExit: After a SIGTERM, with status 75.
        KeyboardInterrupt: After Ctrl-C.
        ValueError: The checkpoint is of another model.
        WorkerLostError: Another worker has ended; restart all of them.
        OSError: A checkpoint cannot be written.

    Example:
        >>> import tempfile
        >>> from keras_s2s import Batches, Decoder, Encoder, MaskedCrossentropy, Seq2Seq
        >>> model = Seq2Seq(Encoder(9, 4), Decoder(9, 4))
        >>> model.compile("adam", loss=MaskedCrossentropy())
        >>> batches = Batches([[5], [6], [7]], [[8], [7], [5]], batch_sentences=1)
        >>> checkpoints = Checkpoints(tempfile.mkdtemp(), steps=2)
        >>> history = resumable_fit(model, batches, 2, checkpoints, verbose=0)
        >>> len(history.history["loss"])
        2
    """
    history = TrainingHistory() if history is None else history
    stateful = _by_name(one for one in (*callbacks, history) if hasattr(one, "get_state"))
    steps, strategy = batches.steps_per_epoch, strategy_of(model)
    for one in (*callbacks, history):  # If all epochs are completed, no `fit` does it.
        one.set_model(model)
    restored = checkpoints.restore(model, stateful, steps)
    writer = CheckpointWriter(checkpoints, stateful, steps, restored)
    stop = _StopOnSignal(writer)
    chain = [*callbacks, writer, stop, history]
    options = {"callbacks": chain, "validation_data": validation_data, "verbose": verbose}
    with stop.listening(), _stop_together(strategy, stop), patch_multi_worker_fit(strategy):
        epoch, step, _ = restored.position
        was_over = is_over = epoch >= epochs
        if step:  # `fit` takes a number of steps for all its epochs: the rest of one goes alone.
            _fit_epochs(model, batches, epoch, step, epoch + 1, options)
            epoch, is_over = epoch + 1, model.stop_training
            for one in stateful.values():  # The next `fit` continues the same training.
                one.set_state(one.get_state())
        if epoch < epochs and not is_over:
            _fit_epochs(model, batches, epoch, 0, epochs, options)
        if not was_over:
            writer.finish(epochs)
    return history


def _fit_epochs(
    model: Any, batches: Any, epoch: int, first_step: int, last_epoch: int, options: dict[str, Any]
) -> None:
    """Train from a step of an epoch to the end of others."""
    model.fit(
        distribute_dataset(batches.dataset(epoch, first_step), strategy_of(model)),
        initial_epoch=epoch,
        epochs=last_epoch,
        steps_per_epoch=batches.steps_per_epoch - first_step,
        shuffle=False,
        **options,
    )


def _by_name(callbacks: Iterable[Any]) -> dict[str, Stateful]:
    """Callbacks by the names of their classes, numbered from the second one of a class."""
    found: dict[str, Stateful] = {}
    for one in callbacks:
        name, count = type(one).__name__, 1
        while (key := name if count == 1 else f"{name}_{count}") in found:
            count += 1
        found[key] = one
    return found


@contextmanager
def _stop_together(strategy: Any, stop: _StopOnSignal) -> Iterator[None]:
    """Detect lost workers; if all were told to end, the first one to do so is not lost."""
    try:
        with detect_lost_workers(strategy):
            yield
    except WorkerLostError:
        if stop.received is not None:
            stop.raise_exit()
        raise

"""`fit` that goes on from the newest checkpoint, and that leaves one when it is told to end."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras

from keras_s2s.training.checkpoints import Checkpoints, Place, Stateful
from keras_s2s.training.distribution import (
    TRY_AGAIN,
    WorkerLostError,
    detect_lost_workers,
    distribute_dataset,
    patch_multi_worker_fit,
)


class _History(keras.callbacks.History):
    """What `fit` returns, with a memory."""

    def on_train_begin(self, logs: Any = None) -> None:
        super().on_train_begin(logs)
        self.model.history = self  # Also of a training that an error ends.

    def get_state(self) -> dict[str, Any]:
        return {"history": {k: [float(v) for v in values] for k, values in self.history.items()}}

    def set_state(self, state: dict[str, Any]) -> None:
        self.history = state["history"]


class _Leaving(keras.callbacks.Callback):
    """Leaves `fit` at the end of a step, with a checkpoint, after a SIGTERM or Ctrl-C."""

    def __init__(self, checkpoints: Checkpoints) -> None:
        super().__init__()
        self.checkpoints = checkpoints
        self.asked_by: int | None = None

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch + 1 < (self.params.get("steps") or 0):
            self._leave()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._leave()

    def _leave(self) -> None:
        if self.asked_by is None:
            return
        self.checkpoints.save()
        if self.checkpoints.is_writer:
            _say(f"a checkpoint of now is in {self.checkpoints.folder}")
        self.raise_what_was_asked()

    def raise_what_was_asked(self) -> None:
        """Raise what the signal stands for."""
        raise KeyboardInterrupt if self.asked_by == signal.SIGINT else SystemExit(TRY_AGAIN)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Note a signal instead of ending by it, where signals may be handled."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def note(number: int, *_: Any) -> None:
            if number == self.asked_by == signal.SIGINT:
                raise KeyboardInterrupt
            self.asked_by = number
            _say(
                "\nending after this batch; Ctrl-C again: at once, without a checkpoint"
                if number == signal.SIGINT
                else "told to end: after this batch"
            )

        before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _say(text: str) -> None:
    """Write past Python's buffers, which a signal may have found in use."""
    os.write(2, f"{text}\n".encode())


def resumable_fit(
    model: Any,
    batches: Any,
    epochs: int,
    checkpoints: Checkpoints,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    **options: Any,
) -> keras.callbacks.History:
    """Train, from the newest checkpoint on if there is one, as if nothing had been in between.

    Where the same steps give the same numbers, the weights are those of a training that never
    stopped, bit for bit. After a SIGTERM or Ctrl-C a checkpoint is written at the end of the step;
    a validation that is running comes to its end first. A last checkpoint says that all epochs
    are over: called again, it makes none; with more epochs, it goes on.

    Args:
        model: A compiled Keras model, made in the scope of its strategy.
        batches: `Batches`, or what has their `dataset` and `steps_per_epoch`.
        epochs: Number of all epochs.
        checkpoints: Where the checkpoints are. Of the data only the number of steps is compared.
        callbacks: For `fit`. What those with `get_state` and `set_state` remember is in the
            checkpoints, by the name of their class and their order.
        options: More for `fit`, such as `validation_data` and `verbose`.

    Returns:
        The history of all epochs, those before the checkpoint included.

    Raises:
        SystemExit: After a SIGTERM, with status 75.
        KeyboardInterrupt: After Ctrl-C.
        ValueError: The checkpoint is of another model.
        WorkerLostError: Another worker has ended; start all of them again.
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
    history, leaving = _History(), _Leaving(checkpoints)
    chain = [*callbacks, checkpoints, leaving, history]
    stateful = _named(one for one in chain if hasattr(one, "get_state"))
    checkpoints.stateful, checkpoints.steps_per_epoch = stateful, batches.steps_per_epoch
    for one in chain:  # Where all epochs are over, no `fit` does it.
        one.set_model(model)
    place = checkpoints.restore(model)

    def run(first: Place, last_epoch: int) -> None:
        for one in chain:
            if hasattr(one, "first_step"):
                one.first_step = first.step  # pyright: ignore[reportAttributeAccessIssue]
        model.fit(
            distribute_dataset(batches.dataset(*first), model._distribute_strategy),
            initial_epoch=first.epoch,
            epochs=last_epoch,
            steps_per_epoch=batches.steps_per_epoch - first.step,
            callbacks=chain,
            shuffle=False,
            **options,
        )

    strategy = model._distribute_strategy
    with leaving.listening(), _leaving_together(model, leaving), patch_multi_worker_fit(strategy):
        was_over = is_over = place.epoch >= epochs
        if place.step:
            run(place, place.epoch + 1)
            place, is_over = Place(place.epoch + 1, 0), model.stop_training
            _remember(stateful.values())
        if place.epoch < epochs and not is_over:
            run(place, epochs)
        if not was_over:
            checkpoints.finish(epochs)
    return history


def _named(callbacks: Iterable[Any]) -> dict[str, Stateful]:
    """Callbacks by their class, numbered from the second of one class on."""
    found: dict[str, Stateful] = {}
    for one in callbacks:
        name, count = type(one).__name__, 1
        while (key := name if count == 1 else f"{name}_{count}") in found:
            count += 1
        found[key] = one
    return found


def _remember(stateful: Any) -> None:
    """The next `fit` belongs to the same training."""
    one: Stateful
    for one in stateful:
        one.set_state(one.get_state())


@contextmanager
def _leaving_together(model: Any, leaving: _Leaving) -> Iterator[None]:
    """Tell a lost worker; where all were told to end, the first to do so is not lost."""
    try:
        with detect_lost_workers(model._distribute_strategy):
            yield
    except WorkerLostError:
        if leaving.asked_by is not None:
            leaving.raise_what_was_asked()
        raise

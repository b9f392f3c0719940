"""`fit` that goes on from the newest checkpoint, and that leaves one when it is told to end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras

from keras_s2s.training.checkpoints import Checkpoints, Place, Stateful
from keras_s2s.training.distribution import is_multi_worker, spread

# The status of a program that should be started again, EX_TEMPFAIL of sysexits.h.
TRY_AGAIN = 75


class WorkerLostError(RuntimeError):
    """Another worker of the training is gone, and none can go on without it."""


class _History(keras.callbacks.History):
    """What `fit` returns, with a memory."""

    def on_train_begin(self, logs: Any = None) -> None:
        super().on_train_begin(logs)
        self.model.history = self  # Also of a training that an error ends.

    def get_state(self) -> dict[str, Any]:
        return {"history": {k: [float(v) for v in values] for k, values in self.history.items()}}

    def set_state(self, state: dict[str, Any]) -> None:
        self.history = state["history"]


class _Preemption(keras.callbacks.Callback):
    """Leaves the process at the end of a step, with a checkpoint, after a SIGTERM."""

    def __init__(self, checkpoints: Checkpoints) -> None:
        super().__init__()
        self.checkpoints = checkpoints
        self.is_asked = False

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.is_asked and batch + 1 < (self.params.get("steps") or 0):
            self._leave()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if self.is_asked:
            self._leave()

    def _leave(self) -> None:
        self.checkpoints.save()
        raise SystemExit(TRY_AGAIN)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Note a SIGTERM instead of dying by it, where signals may be handled."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def note(*_: Any) -> None:
            self.is_asked = True

        before = signal.signal(signal.SIGTERM, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)


def resumable_fit(
    model: Any,
    batches: Any,
    epochs: int,
    checkpoints: Checkpoints,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> dict[str, list[float]]:
    """Train, from the newest checkpoint on if there is one, as if nothing had been in between.

    Where the same steps give the same numbers, the weights are those of a training that never
    stopped, bit for bit. After a SIGTERM a checkpoint is written and the process ends with status
    75; a second one changes nothing, and a validation that is running comes to its end first.

    Args:
        model: A compiled Keras model, made in the scope of its strategy.
        batches: `Batches`, or what has their `dataset` and `steps_per_epoch`.
        epochs: Number of all epochs.
        checkpoints: Where the checkpoints are.
        callbacks: For `fit`. What those with `get_state` and `set_state` remember is in the
            checkpoints, by the name of their class.

    Returns:
        The history of all epochs, those before the checkpoint included.

    Raises:
        SystemExit: After a SIGTERM, with status 75.
        ValueError: The checkpoint is of another model.
        WorkerLostError: Another worker has ended; start all of them again.
        OSError: A checkpoint cannot be written.

    Example:
        >>> import tempfile
        >>> from keras_s2s import Batches, Decoder, Encoder, MaskedCrossentropy, Seq2Seq
        >>> model = Seq2Seq(Encoder(9, 4), Decoder(9, 4))
        >>> model.compile("adam", loss=MaskedCrossentropy())
        >>> batches = Batches([[5], [6], [7]], [[8], [7], [5]], batch_sentences=1)
        >>> history = resumable_fit(model, batches, 2, Checkpoints(tempfile.mkdtemp(), steps=2))
        >>> len(history["loss"])
        2
    """
    history, preemption = _History(), _Preemption(checkpoints)
    chain = [*callbacks, checkpoints, preemption, history]
    stateful = {type(one).__name__: one for one in chain if hasattr(one, "get_state")}
    checkpoints.stateful = stateful  # pyright: ignore[reportAttributeAccessIssue]
    place = checkpoints.restore(model)

    def run(first: Place, last_epoch: int) -> None:
        for one in chain:
            if hasattr(one, "first_step"):
                one.first_step = first.step  # pyright: ignore[reportAttributeAccessIssue]
        model.fit(
            spread(batches.dataset(*first), model._distribute_strategy),
            initial_epoch=first.epoch,
            epochs=last_epoch,
            steps_per_epoch=batches.steps_per_epoch - first.step,
            callbacks=chain,
            verbose=0,
            shuffle=False,
        )

    with preemption.listening(), _lost_workers(model, lambda: preemption.is_asked):
        is_over = place.epoch >= epochs
        if place.step:
            run(place, place.epoch + 1)
            place, is_over = Place(place.epoch + 1, 0), model.stop_training
            _remember(stateful.values())
        if place.epoch < epochs and not is_over:
            run(place, epochs)
    return history.history


def _remember(stateful: Any) -> None:
    """The next `fit` belongs to the same training."""
    one: Stateful
    for one in stateful:
        one.set_state(one.get_state())


@contextmanager
def _lost_workers(model: Any, is_asked: Callable[[], bool]) -> Iterator[None]:
    """Tell what an error of TensorFlow means where other workers take part."""
    import tensorflow as tf

    gone = (
        tf.errors.UnavailableError,
        tf.errors.AbortedError,
        tf.errors.CancelledError,
        tf.errors.DeadlineExceededError,
        tf.errors.InternalError,
        tf.errors.FailedPreconditionError,
    )
    try:
        yield
    except gone as error:
        strategy = model._distribute_strategy
        if strategy is None or not is_multi_worker(strategy):
            raise
        if is_asked():
            raise SystemExit(TRY_AGAIN) from error
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = next((line for line in lines if "aborted" in line), lines[-1])
        raise WorkerLostError(
            "another worker is gone, and the training waits for none. Start all workers again with "
            f"--resume. Received: {reason[:200]}"
        ) from error

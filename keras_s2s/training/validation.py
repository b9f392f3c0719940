"""Validation after each epoch: exact means over tokens, best weights, early stopping."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import keras

from keras_s2s.training.distribution import all_reduce_mean
from keras_s2s.training.losses import MaskedCrossentropy
from keras_s2s.training.metrics import Perplexity, SequenceAccuracy, TokenAccuracy
from keras_s2s.training.replicas import strategy_of

MONITORS = ("perplexity", "sequence_accuracy")


def token_evaluator(model: keras.Model) -> Callable[[Any], dict[str, float]]:
    """Create a function that evaluates a model, with means over tokens, not over batches.

    Args:
        model: Returns logits `[B, T, V]`, as the first of its outputs; may be trained between the
            calls.

    Returns:
        A function from batches `((source, target_in), target_out)` to "loss", the mean
        cross-entropy over tokens in nats, without label smoothing; "perplexity", its `exp`;
        "token_accuracy"; and "sequence_accuracy", the fraction of rows without an error.

    Example:
        >>> import numpy as np
        >>> import tensorflow as tf
        >>> model = keras.Sequential([keras.Input((None,)), keras.layers.Embedding(5, 5, "zeros")])
        >>> target = np.array([[4, 3, 0]])
        >>> found = token_evaluator(model)(tf.data.Dataset.from_tensors((target, target)))
        >>> round(found["perplexity"], 3), found["token_accuracy"]
        (5.0, 0.0)
    """
    # Another model of the same layers: compiling it does not affect the training of `model`.
    evaluation = keras.Model(model.inputs, model.outputs[:1])
    metrics = [Perplexity(), TokenAccuracy(), SequenceAccuracy()]
    evaluation.compile(loss=MaskedCrossentropy(), metrics=metrics, jit_compile=False)

    def evaluate(batches: Any) -> dict[str, float]:
        found = evaluation.evaluate(batches, verbose=0, return_dict=True)
        # Keras averages the loss over rows; over tokens it is the logarithm of the perplexity.
        found["loss"] = math.log(found["perplexity"])
        return found

    return evaluate


class BestWeights(keras.callbacks.Callback):
    """Validates after each epoch, stores the best weights, and stops a training without progress.

    The best epoch has the lowest perplexity over all validation tokens, or the largest fraction of
    sequences without an error: where an output is either correct or wrong, it often improves long
    after the perplexity has its minimum. Neither depends on the batches. In training the metrics
    are not computed, as a pass over all logits takes time.

    Args:
        valid: A dataset of batches `((source, target_in), target_out)`.
        patience: Number of epochs without improvement after which training stops.
        report: Called with one line of text per epoch; `None` for no report.
        tokens_per_epoch: Target tokens of an epoch, without padding, for the speed in the report.
        monitor: "perplexity", or "sequence_accuracy", where the perplexity breaks ties.

    Attributes:
        best: The best value of `monitor` so far.
        best_epoch: Its epoch, from 0; -1 before the first validation.

    Raises:
        ValueError: `patience` is below 1, or `monitor` is unknown.

    Example:
        >>> import numpy as np
        >>> import tensorflow as tf
        >>> from keras_s2s import Decoder, Encoder, LuongAttention, MaskedCrossentropy, Seq2Seq
        >>> model = Seq2Seq(Encoder(9, 8), Decoder(9, 8, attention=LuongAttention(8)))
        >>> model.compile("adam", loss=MaskedCrossentropy())
        >>> x, y = (np.array([[5, 3]]), np.array([[2, 6]])), np.array([[6, 3]])
        >>> best = BestWeights(tf.data.Dataset.from_tensors((x, y)), patience=2)
        >>> history = model.fit(x, y, epochs=2, verbose=0, callbacks=[best])
        >>> best.best_epoch, sorted(history.history)
        (1, ['loss', 'val_loss', 'val_perplexity', 'val_sequence_accuracy', 'val_token_accuracy'])
    """

    def __init__(
        self,
        valid: Any,
        patience: int = 5,
        report: Callable[[str], None] | None = None,
        tokens_per_epoch: int = 0,
        monitor: str = "perplexity",
    ) -> None:
        super().__init__()
        if not patience >= 1:
            raise ValueError(f"`patience` must be at least 1. Received: patience={patience}")
        if monitor not in MONITORS:
            raise ValueError(f"`monitor` must be one of {MONITORS}. Received: monitor={monitor!r}")
        self.valid = valid
        self.patience = patience
        self.report = report
        self.tokens_per_epoch = tokens_per_epoch
        self.monitor = monitor
        self._reset()
        self._is_restored = False
        self._evaluate: Any = None
        self._evaluated: Any = None
        self._start = 0.0
        self._steps = 0

    def _reset(self) -> None:
        self.best = math.nan
        self.best_epoch = -1
        self._best_rank = (-math.inf, -math.inf)
        self._weights: list[Any] = []

    def get_state(self) -> dict[str, Any]:
        """The state to store in a checkpoint."""
        return {
            "best": self.best,
            "epoch": self.best_epoch,
            "rank": [*self._best_rank],
            "best_weights": self._weights,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned; the next `fit` continues from it."""
        self.best, self.best_epoch = state["best"], state["epoch"]
        self._best_rank = (state["rank"][0], state["rank"][1])
        self._weights = list(state["best_weights"])
        self._is_restored = True

    def on_train_begin(self, logs: Any = None) -> None:
        """Reset, unless restored; create the evaluator of the model."""
        if not self._is_restored:
            self._reset()
        self._is_restored = False
        if self._evaluate is None or self._evaluated is not self.model:
            self._evaluate, self._evaluated = token_evaluator(self.model), self.model

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start the clock."""
        self._start, self._steps = time.monotonic(), 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Count the steps, for the speed of an epoch that ends early."""
        self._steps += 1

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Validate, and store the weights if they are the best."""
        logs = {} if logs is None else logs
        seconds = time.monotonic() - self._start
        found = all_reduce_mean(self._evaluate(self.valid), strategy_of(self.model))
        logs.update({f"val_{name}": value for name, value in found.items()})
        accuracy = found["sequence_accuracy"] if self.monitor == "sequence_accuracy" else 0.0
        rank = (accuracy, -found["perplexity"])
        if math.isfinite(found["perplexity"]) and rank > self._best_rank:
            self.best, self.best_epoch, self._best_rank = found[self.monitor], epoch, rank
            self._weights = self.model.get_weights()
        has_diverged = not math.isfinite(logs.get("loss", 0.0))
        if has_diverged or epoch - self.best_epoch >= self.patience:
            self.model.stop_training = True
        if self.report is not None:
            self.report(self._line(epoch, logs, seconds))
            if has_diverged:
                self.report("the loss is not finite any more: training ends")

    def _line(self, epoch: int, logs: dict[str, Any], seconds: float) -> str:
        speed = ""
        if self.tokens_per_epoch:
            done = self._steps / max(self.params.get("steps") or self._steps, 1)
            speed = f", {done * self.tokens_per_epoch / seconds:,.0f} target tokens/s"
        return (
            f"epoch {epoch + 1}: loss {logs.get('loss', math.nan):.3f}, "
            f"validation loss {logs['val_loss']:.3f}, perplexity {logs['val_perplexity']:.2f}, "
            f"token accuracy {100 * logs['val_token_accuracy']:.1f} %, "
            f"sequence accuracy {100 * logs['val_sequence_accuracy']:.1f} %"
            f"{' (best)' if self.best_epoch == epoch else ''}, {seconds:.0f} s{speed}"
        )

    def restore(self) -> None:
        """Put the best weights into the model.

        Raises:
            ValueError: No epoch gave a finite perplexity.
        """
        if not self._weights:
            raise ValueError(
                "Training gave no weights with a finite validation loss. Received: "
                f"best={self.best}. Lower the learning rate, or train in float32."
            )
        self.model.set_weights(self._weights)

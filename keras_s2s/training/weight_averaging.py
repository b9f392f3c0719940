"""Validation with the moving average of the weights."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np


class AveragedWeights(keras.callbacks.Callback):
    """Swaps the optimizer's moving average into the model between epochs.

    For an optimizer with `use_ema`; callbacks after this one see the average at the end of an
    epoch. Keras' `SwapEMAWeights` loses the average if `fit` ends before its last epoch.

    Raises:
        ValueError: The optimizer has no average.

    Example:
        >>> model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        >>> model.compile(keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5), loss="mse")
        >>> x = y = np.ones((4, 1), "float32")
        >>> _ = model.fit(x, y, epochs=2, verbose=0, callbacks=[AveragedWeights()])
    """

    def __init__(self) -> None:
        super().__init__()
        self._own: list[np.ndarray] | None = None

    def get_state(self) -> dict[str, Any]:
        """The state to store in a checkpoint: the model's own weights, if they are swapped out."""
        return {"own": self._own or []}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore what `get_state` returned; the next `fit` continues from it."""
        self._own = list(state["own"]) or None

    def on_train_begin(self, logs: Any = None) -> None:
        """Check the optimizer."""
        if not self._optimizer().use_ema:
            raise ValueError("The optimizer must keep an average. Received: use_ema=False")

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Restore the model's own weights."""
        if self._own is not None:
            for variable, value in zip(self._variables(), self._own, strict=True):
                variable.assign(value)
            self._own = None

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Store the model's own weights, and replace them by the average."""
        variables = self._variables()
        self._own = [np.array(variable) for variable in variables]
        averages = self._optimizer()._model_variables_moving_average
        for variable, average in zip(variables, averages, strict=True):
            variable.assign(np.asarray(average))

    def _variables(self) -> list[Any]:
        return self._optimizer()._trainable_variables

    def _optimizer(self) -> Any:
        """The optimizer, without the `LossScaleOptimizer` that wraps it in float16."""
        optimizer = self.model.optimizer
        return getattr(optimizer, "inner_optimizer", optimizer)

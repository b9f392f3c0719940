"""Scheduled sampling: the decoder is trained on more and more of its own predictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_s2s.layers.row_random import row_uniform
from keras_s2s.layers.scan import scan
from keras_s2s.special_ids import PAD_ID, START_ID

DECAYS = ("linear", "exponential", "inverse_sigmoid")


@keras.saving.register_keras_serializable("keras_s2s")
class ScheduledSampling(keras.layers.Layer):
    """Replaces tokens of the target by the model's own predictions, one token at a time.

    At training step i each token that the decoder reads is the target's with probability e(i), else
    what the model itself predicted at the position before, from what it has read so far:

    - "linear": `e = max(minimum, k - c i)`
    - "exponential": `e = k^i`, with k below 1
    - "inverse_sigmoid": `e = k / (k + exp(i / k))`, with k of at least 1

    The step i is a non-trainable weight that each training call increments. It is saved with the
    model, so that a resumed training continues from it. No gradient passes through the choice of a
    token, so all tokens are chosen first, in a loop without gradient and dropout. The decoder then
    reads them like a target, with one large product for all logits.

    Args:
        decay: "linear", "exponential" or "inverse_sigmoid".
        k: As above.
        c: As above, of "linear" alone.
        minimum: As above, of "linear" alone.
        sampled: Draw the prediction from the model's distribution; else take the likeliest token.
        name: Name of the layer.

    Raises:
        ValueError: An unknown decay, or a number out of its range.

    Example:
        >>> sampling = ScheduledSampling("inverse_sigmoid", k=100.0)
        >>> [round(float(sampling.probability(step)), 2) for step in (0, 460, 1000)]
        [0.99, 0.5, 0.0]

    Source: Bengio et al. 2015, section 2.4.
    """

    def __init__(
        self,
        decay: str,
        k: float,
        c: float = 0.0,
        minimum: float = 0.0,
        sampled: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name, dtype="float32")
        if decay not in DECAYS:
            raise ValueError(f"`decay` must be one of {DECAYS}. Received: decay={decay!r}")
        if decay != "linear" and (c or minimum):
            raise ValueError(
                f'`c` and `minimum` are for "linear". Received: decay={decay!r}, c={c}, '
                f"minimum={minimum}"
            )
        ranges = {"linear": (0, 1), "exponential": (0, 1), "inverse_sigmoid": (1, 1e9)}
        for label, value, (least, most) in (
            ("k", k, ranges[decay]),
            ("c", c, (0, 1)),
            ("minimum", minimum, (0, 1)),
        ):
            if not least <= value <= most:
                raise ValueError(
                    f"`{label}` must be from {least} to {most} with {decay!r}. "
                    f"Received: {label}={value}"
                )
        self.decay, self.k, self.c, self.minimum, self.sampled = decay, k, c, minimum, sampled
        self.seeds = keras.random.SeedGenerator()
        self.step_count = self.add_weight(
            shape=(),
            initializer="zeros",
            dtype="int32",
            trainable=False,
            aggregation="only_first_replica",
            name="step_count",
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments."""
        names = ("decay", "k", "c", "minimum", "sampled", "name")
        return {name: getattr(self, name) for name in names}

    def probability(self, step: Any) -> Any:
        """e(i), the probability of a target's token, float32."""
        step = ops.cast(step, "float32")
        if self.decay == "linear":
            return ops.maximum(self.minimum, self.k - self.c * step)
        if self.decay == "exponential":
            return ops.power(float(self.k), step)
        # The equation divided by k: a large i would overflow.
        return ops.sigmoid(ops.log(float(self.k)) - step / self.k)

    def choose(self, target_in: Any, state: Any, predict: Callable[[Any, Any], tuple]) -> Any:
        """The tokens that the decoder reads in this training step.

        Args:
            target_in: int32 `[B, T]`: the start mark and the target, padded with 0.
            state: The decoder's state before the first token.
            predict: From tokens int32 `[B]` and a state to logits `[B, V]` and the next state.

        Returns:
            int32 `[B, T]`: the start mark, then target's and model's tokens, padded as before.
        """
        probability = self.probability(self.step_count)
        self.step_count.assign_add(1)
        target_in = ops.transpose(target_in)  # [T, B]
        times = ops.expand_dims(ops.arange(ops.shape(target_in)[0]), 1)
        draws = [row_uniform(ops.shape(target_in), 1, self.seeds) for _ in ("input", "prediction")]
        stays = ops.logical_or(times == 0, target_in == PAD_ID)
        is_given = ops.logical_or(draws[0] < probability, stays)

        def step(carry: tuple, x: tuple, weights: None) -> tuple:
            del weights
            state, predicted = carry
            given, is_given, draw = x
            token = ops.where(is_given, given, predicted)
            logits, state = predict(token, state)
            return (state, ops.cast(self._pick(logits, draw), given.dtype)), token

        _, chosen = scan(step, (state, target_in[0]), (target_in, is_given, draws[1]), None)
        return ops.stop_gradient(ops.transpose(chosen))

    def _pick(self, logits: Any, draw: Any) -> Any:
        """The predicted tokens, int32 `[B]`: the likeliest, or by a draw from 0 to 1 for each."""
        never = np.isin(np.arange(logits.shape[-1]), (PAD_ID, START_ID))
        logits = ops.where(never, float(np.finfo("float32").min), ops.cast(logits, "float32"))
        if not self.sampled:
            return ops.argmax(logits, axis=-1)
        cumulated = ops.cumsum(ops.softmax(logits), axis=-1)
        # Rounding leaves the last sum a little off 1.
        threshold = ops.expand_dims(draw, -1) * cumulated[:, -1:]
        return ops.sum(ops.cast(cumulated <= threshold, "int32"), axis=-1)

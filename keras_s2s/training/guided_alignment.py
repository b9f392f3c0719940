"""Guided alignment: a loss that draws the attention weights to given alignments."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from keras_s2s.training.replicas import sum_over_replicas

# Smaller attention weights count as this much: one that is 0 has no logarithm.
LEAST_WEIGHT = 1e-7
# The largest loss of a token, at a weight of 1.
LARGEST_LOSS = -math.log(LEAST_WEIGHT)


@keras.saving.register_keras_serializable("keras_s2s")
class GuidedAlignment(keras.losses.Loss):
    """Mean cross-entropy of the attention weights over the aligned tokens of a batch, in nats.

    With the attention weights a and the given alignment A of the target tokens t::

        loss = -weight / (number of aligned t) * sum over t and s of A[t, s] * log a[t, s]

    A row of A sums to 1 where a token is aligned, or to less, by which its part of the loss is
    scaled. A row of zeros, for a token without alignment or for padding, does not count.

    Args:
        weight: Weight of the loss.
        name: Name of the loss.

    Call arguments:
        y_true: The alignment, float32 `[B, T, S]`.
        y_pred: Attention weights `[B, T, S]`, any floating dtype.

    Returns:
        A float32 scalar; 0 for a batch without alignments. With a `tf.distribute` strategy, the
        device's part of the mean over the whole batch.

    Raises:
        ValueError: `weight` is negative or infinite.

    Example:
        >>> import numpy as np
        >>> given = np.array([[[0.0, 1.0], [0.0, 0.0]]], "float32")
        >>> loss = GuidedAlignment()(given, np.full((1, 2, 2), 0.5, "float32"))
        >>> round(float(loss), 4)  # ln 2: the second token is not aligned.
        0.6931

    Source: Chen et al. 2016, "Guided Alignment Training for Topic-Aware Neural Machine
    Translation", section 3 (difference: the mean is taken over the aligned tokens alone).
    """

    def __init__(self, weight: float = 1.0, name: str = "guided_alignment") -> None:
        super().__init__(name=name, reduction="sum")
        if not 0 <= weight < math.inf:
            raise ValueError(f"`weight` must be at least 0 and finite. Received: weight={weight}")
        self.weight = weight

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss; weights of pairs, `[B]`, scale those of their tokens."""
        if sample_weight is not None and len(sample_weight.shape) == 1:
            sample_weight = ops.expand_dims(sample_weight, -1)
        return super().__call__(y_true, y_pred, sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Each token's part of the mean, `[B, T]`: their sum is the loss."""
        y_true, y_pred = ops.cast(y_true, "float32"), ops.cast(y_pred, "float32")
        losses = -ops.sum(y_true * ops.log(ops.maximum(y_pred, LEAST_WEIGHT)), axis=-1)
        is_aligned = ops.cast(ops.any(y_true > 0, axis=-1), "float32")
        (count,) = sum_over_replicas([ops.sum(is_aligned)])
        return self.weight * losses / ops.maximum(count, 1.0)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments."""
        return {"weight": self.weight, "name": self.name}


class _WithAttention(keras.layers.Layer):
    """The decoder with its second output; Keras knows a layer by the outputs of its first call."""

    def __init__(self, decoder: Any) -> None:
        # The decoder itself casts what it is given.
        super().__init__(name="guided_decoder", dtype=decoder.dtype_policy, autocast=False)
        self.decoder = decoder
        self.built = True

    def call(self, *inputs: Any, training: bool = False) -> Any:
        """Logits and attention weights."""
        return self.decoder(*inputs, training=training, return_attention=True)

    def compute_output_spec(self, *inputs: Any, training: bool = False) -> Any:
        """Their shapes."""
        return self.decoder.compute_output_spec(*inputs, return_attention=True)


def with_attention(model: Any) -> keras.Model:
    """Create a model that returns the attention weights too, to be trained with `GuidedAlignment`.

    It shares all weights with the given one: training it trains both. The given one translates and
    is saved.

    Args:
        model: A `Seq2Seq` with attention.

    Returns:
        A model from `(source, target_in)` to logits `[B, T, V]` and attention weights `[B, T, S]`,
        not compiled.

    Raises:
        ValueError: The model has no attention.

    Example:
        >>> import numpy as np
        >>> from keras_s2s import Decoder, Encoder, LuongAttention, MaskedCrossentropy, Seq2Seq
        >>> model = Seq2Seq(Encoder(9, 8), Decoder(9, 8, attention=LuongAttention(8)))
        >>> guided = with_attention(model)
        >>> guided.compile("adam", loss=[MaskedCrossentropy(), GuidedAlignment()])
        >>> x, alignment = (np.array([[5, 3]]), np.array([[2, 6]])), np.eye(2)[None]
        >>> history = guided.fit(x, (np.array([[6, 3]]), alignment), verbose=0)
        >>> guided.count_params() == model.count_params()
        True
    """
    if model.decoder.attention is None:
        raise ValueError(
            "Alignments guide the attention; a model without attention has none. Received: a model "
            "without attention. Leave the alignments out, or train with attention."
        )
    source, target_in = model.inputs
    memory, memory_mask, encoder_state = model.encoder(source)
    outputs = _WithAttention(model.decoder)(target_in, encoder_state, memory, memory_mask)
    guided = keras.Model((source, target_in), list(outputs), name=model.name)
    # As in `Seq2Seq`: Keras scales the loss of a model in float16, and asks the model.
    guided.dtype_policy = model.decoder.dtype_policy
    return guided

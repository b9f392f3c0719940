"""Copying: a decoder whose probabilities are partly those of the source's own tokens."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_s2s.layers.checks import check_copying, check_source_ids
from keras_s2s.layers.decoder import Decoder
from keras_s2s.layers.decoder_state import DecoderWeights
from keras_s2s.layers.dense import Dense
from keras_s2s.layers.encoder import Encoder
from keras_s2s.special_ids import PAD_ID

TINY = 1e-10  # Keeps the logarithm of a probability finite.


def copied_probabilities(alignment: Any, source: Any, vocabulary_size: int) -> Any:
    """Probabilities of ids where each source position gives its attention weight to its token.

    `P(v) = sum of alignment[s] over all s with source[s] = v`

    The weights of equal tokens are summed at the first of them; the others give nothing to the id
    of padding. So no id is written twice, about which runtimes disagree.

    Args:
        alignment: Attention weights `[B, S]` or `[B, T, S]`; 0 at padding.
        source: int32 `[B, S]`, padded with 0.
        vocabulary_size: V.

    Returns:
        float32 `[B, V]` or `[B, T, V]`.

    Example:
        >>> import numpy as np
        >>> found = copied_probabilities(np.array([[0.5, 0.25, 0.25]]), np.array([[4, 3, 4]]), 5)
        >>> np.asarray(found).tolist()
        [[0.0, 0.0, 0.0, 0.25, 0.75]]

    Source: See et al. 2017, eq. 9, second term.
    """
    shape, length = ops.shape(alignment), ops.shape(source)[1]
    steps = ops.reshape(ops.cast(alignment, "float32"), (shape[0], -1, length))  # [B, T, S]
    same = ops.equal(source[:, :, None], source[:, None, :])  # [B, S, S]
    positions = ops.arange(length)
    before = positions[:, None] < positions[None, :]
    is_first = ops.logical_not(ops.any(ops.logical_and(same, before), axis=1))  # [B, S]
    to_first = ops.cast(ops.logical_and(same, is_first[:, None, :]), "float32")
    sums = ops.matmul(steps, to_first)  # [B, T, S]
    ids = ops.broadcast_to(ops.where(is_first, source, PAD_ID)[:, None, :], ops.shape(sums))
    ids = ops.reshape(ids, (-1,))
    count = ops.shape(steps)[0] * ops.shape(steps)[1]
    rows = ops.repeat(ops.arange(count, dtype=ids.dtype), length)
    indices = ops.stack([rows, ids], axis=-1)
    found = ops.scatter(indices, ops.reshape(sums, (-1,)), (count, vocabulary_size))
    return ops.reshape(found, (*shape[:-1], vocabulary_size))


@keras.saving.register_keras_serializable("keras_s2s")
class CopyingEncoder(Encoder):
    """An `Encoder` for a `CopyingDecoder`: it returns the ids of the source in place of its mask.

    The arguments are those of `Encoder`.

    Returns:
        The memory `[B, S, U]`, the source, int32 `[B, S]`, and the state.

    Example:
        >>> import numpy as np
        >>> _, source, _ = CopyingEncoder(vocabulary_size=20, units=8)(np.array([[5, 3, 0]]))
        >>> np.asarray(source).tolist()
        [[5, 3, 0]]
    """

    def call(
        self, source: Any, training: bool = False, unroll: bool = False
    ) -> tuple[Any, Any, list[tuple]]:
        """Read the source, see the class."""
        memory, _, state = super().call(source, training=training, unroll=unroll)
        return memory, ops.cast(source, "int32"), state

    def compute_output_spec(self, source: Any, *args: Any, **kwargs: Any) -> Any:
        """Memory, source and state, see `EncoderSpec`."""
        memory, mask, state = super().compute_output_spec(source, *args, **kwargs)
        return memory, keras.KerasTensor(mask.shape, "int32"), state


@keras.saving.register_keras_serializable("keras_s2s")
class CopyingDecoder(Decoder):
    """A `Decoder` that can copy tokens of the source, which then must be ids of its vocabulary.

    With the probability p to generate, the logits of a `Decoder` and the attention weights a::

        p = sigmoid(w . attentional + b)
        P(v) = p * softmax(logits)[v] + (1 - p) * sum of a[s] over all s with source[s] = v

    It returns the logarithms of P as its logits. The arguments are those of `Decoder`, with an
    attention; in place of `memory_mask` it is given the source ids, int32 `[B, S]`, padded with 0,
    which a `CopyingEncoder` returns.

    Raises:
        ValueError: There is no attention, or a mask in place of the ids.

    Example:
        >>> import numpy as np
        >>> from keras_s2s import LuongAttention, Seq2Seq
        >>> decoder = CopyingDecoder(20, 8, attention=LuongAttention(8))
        >>> model = Seq2Seq(CopyingEncoder(20, 8), decoder)
        >>> tuple(model((np.array([[5, 6, 3]]), np.array([[2, 7]]))).shape)
        (1, 2, 20)

    Source: See et al. 2017, "Get To The Point: Summarization with Pointer-Generator Networks", eq.
    8 and 9 (differences from the paper: p is computed from the attentional vector, and the ids of
    subwords leave no words out of the vocabulary).
    """

    needs_alignment = True

    def __init__(self, vocabulary_size: int, units: int, **arguments: Any) -> None:
        super().__init__(vocabulary_size, units, **arguments)
        check_copying(self.attention)

    def __call__(
        self, target_in: Any, encoder_state: Any, memory: Any, source: Any, **how: Any
    ) -> Any:
        """Check that the source is ids, then as `call`."""
        check_source_ids(source)
        return super().__call__(target_in, encoder_state, memory, source, **how)

    def build(self, target_in_shape: tuple, encoder_state_shape: Any, memory_shape: tuple) -> None:
        """Make the weights, see `Decoder.build`."""
        super().build(target_in_shape, encoder_state_shape, memory_shape)
        self.gate_kernel = self.add_weight(
            shape=(self.stack.readout_size, 1), initializer="glorot_uniform", name="gate_kernel"
        )
        self.gate_bias = self.add_weight(shape=(1,), initializer="zeros", name="gate_bias")

    def step_weights(self) -> DecoderWeights:
        """What every step multiplies with, see `Decoder.step_weights`."""
        gate = Dense(self._cast(self.gate_kernel), self._cast(self.gate_bias))
        return super().step_weights()._replace(gate=gate)

    def predict(self, attentional: Any, alignment: Any, source: Any, weights: Any) -> Any:
        """Logarithms of the probabilities, `[..., V]`, see the class."""
        logits = super().predict(attentional, alignment, source, weights)
        generate = ops.sigmoid(ops.cast(weights.gate(attentional), "float32"))  # [..., 1]
        copied = copied_probabilities(alignment, source, self.vocabulary_size)
        generated = ops.softmax(ops.cast(logits, "float32"))
        return self._cast(ops.log(generate * generated + (1 - generate) * copied + TINY))

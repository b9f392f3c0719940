"""The decoder: one `step` that serves training, search and every export."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_s2s.layers import bahdanau, luong, monotonic  # noqa: F401  What a saved decoder names.
from keras_s2s.layers.bridge import Bridge
from keras_s2s.layers.cell_names import make_cell
from keras_s2s.layers.cells import Cell
from keras_s2s.layers.checks import check_decoder_parts, check_decoder_sizes, check_shared_embedding
from keras_s2s.layers.decoder_stack import DecoderStack
from keras_s2s.layers.decoder_state import DecoderState, DecoderWeights, DropoutMasks
from keras_s2s.layers.dropout import Dropout, check_dropout
from keras_s2s.layers.embedding import make_embedding
from keras_s2s.layers.output_specs import DecoderSpec
from keras_s2s.layers.scheduled_sampling import ScheduledSampling
from keras_s2s.layers.word_dropout import WordDropout


@keras.saving.register_keras_serializable("keras_s2s")
class Decoder(DecoderSpec):
    """Embedding, recurrent layers, attention and the projection to the vocabulary.

    With Luong's attention, for each target token y:

    1. `h = cells(embedding(y), state)`; with input feeding, `cells([embedding(y); a], state)` where
       `a` is the attentional vector of the step before
    2. `context, weights = attention(h, keys, memory)`
    3. `a = tanh(W [context; h])`, the attentional vector
    4. `logits = V a`, without bias as in both papers

    With Bahdanau's attention the query is the h of the step before and the context goes into the
    cells: `h = cells([embedding(y); context], state)`. Without attention, `a = h`.

    Args:
        vocabulary_size: Number V of target ids, the special ones included.
        units: Size U of the hidden state.
        embedding_dimension: Size E of an embedding; `None` = `units`.
        num_layers: Number of recurrent layers.
        cell: "lstm", "layer_norm_lstm", "gru", "rnn" or a subclass of `Cell`.
        attention: A `LuongAttention`, a `BahdanauAttention` or another `Attention`; `None` for the
            plain model, which sees only the encoder's final state.
        input_feeding: Feed the attentional vector to the next step; needs attention.
        bridge: From the encoder's final state to the decoder's first: "dense"
            (`tanh(W state + b)`, any sizes), "copy" (same cell, sizes and number of layers) or
            "zeros".
        tie_embeddings: Use the embedding, transposed, as the projection V; `a` then has size E.
        residual: Add a layer's input to its output, from the second layer on.
        dropout: Probability of dropping an element of an embedding, of a layer's output or of `a`,
            in training.
        word_dropout: Probability of hiding a token that is read, see `WordDropout`.
        scheduled_sampling: A `ScheduledSampling`, to train on the model's own predictions.
        name: Name of the layer.
        dtype: Dtype or policy, as for any Keras layer.
        trainable: Whether the weights are trained.

    Call arguments:
        target_in: int32 `[B, T]`: the start mark and the target, padded with 0 on the right.
        encoder_state: The encoder's final state, for each layer `(h, c)` or `(h,)`.
        memory: `[B, S, M]`.
        memory_mask: Boolean `[B, S]`, True = real token.
        training: Whether to drop.
        return_attention: Whether to return the attention weights too.

    Returns:
        Logits `[B, T, V]`; with `return_attention` these and the attention weights `[B, T, S]`.

    Raises:
        ValueError: Sizes below 1, unknown names, input feeding or a "zeros" bridge without
            attention, a "copy" bridge between states that differ.

    Example:
        >>> import numpy as np
        >>> from keras_s2s.layers.luong import LuongAttention
        >>> decoder = Decoder(vocabulary_size=20, units=8, attention=LuongAttention(8))
        >>> memory, mask = np.ones((2, 4, 6), "float32"), np.ones((2, 4), bool)
        >>> encoder_state = [(np.ones((2, 6), "float32"), np.ones((2, 6), "float32"))]
        >>> tuple(decoder(np.array([[2, 7, 8], [2, 9, 0]]), encoder_state, memory, mask).shape)
        (2, 3, 20)

    Source: Luong et al. 2015, eq. 5 and section 3.3 (input feeding); Bahdanau et al. 2015, section
    A.2.2 (difference from the paper: one tanh layer in place of the maxout); tied embeddings: Press
    and Wolf 2017.
    """

    def __init__(
        self,
        vocabulary_size: int,
        units: int,
        *,
        embedding_dimension: int | None = None,
        num_layers: int = 1,
        cell: str | type[Cell] = "lstm",
        attention: Any = None,
        input_feeding: bool = False,
        bridge: str = "dense",
        tie_embeddings: bool = False,
        residual: bool = False,
        dropout: float = 0.0,
        word_dropout: float = 0.0,
        scheduled_sampling: ScheduledSampling | None = None,
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(name=name, dtype=dtype, trainable=trainable)
        check_decoder_sizes(vocabulary_size, units, num_layers, embedding_dimension)
        check_decoder_parts(attention, scheduled_sampling, input_feeding, bridge)
        check_dropout("dropout", dropout)
        self.vocabulary_size = vocabulary_size
        self.units = units
        self.embedding_dimension = dimension = embedding_dimension or units
        self.num_layers = num_layers
        self.cell = cell
        self.input_feeding = input_feeding
        self.tie_embeddings = tie_embeddings
        self.residual = residual
        self.dropout = dropout
        self.embedding = make_embedding(vocabulary_size, dimension, self.dtype_policy)
        self.word_dropout = WordDropout(word_dropout)
        self.scheduled_sampling = scheduled_sampling
        self._make_layers(attention, bridge)

    def _make_layers(self, attention: Any, bridge: str) -> None:
        policy, units = self.dtype_policy, self.units
        self.embedding_dropout = Dropout(self.dropout, batch_axis=1, dtype=policy)
        cells = [make_cell(self.cell, units, f"cell_{i}", policy) for i in range(self.num_layers)]
        self.stack = DecoderStack(
            cells,
            attention,
            self.embedding_dimension if self.tie_embeddings else units,
            input_feeding=self.input_feeding,
            residual=self.residual,
            dropout=self.dropout,
        )
        self.bridge = Bridge(bridge, units, self.num_layers, cells[0].state_names, policy)

    @property
    def attention(self) -> Any:
        """The attention layer, or `None`."""
        return self.stack.attention

    def with_embedding(self, embedding: keras.layers.Embedding) -> Decoder:
        """The decoder with another layer's embedding in place of its own, see `Seq2Seq`."""
        check_shared_embedding(embedding, self.embedding, self.built)
        if embedding is self.embedding:
            return self
        other = type(self)(**self.arguments())
        del other.embedding
        other.embedding = embedding
        return other

    def arguments(self) -> dict[str, Any]:
        """The arguments of the constructor, see `SavedByArguments`."""
        changed = {"bridge": self.bridge.kind, "word_dropout": self.word_dropout.rate}
        return {**super().arguments(), **changed}

    def build(self, target_in_shape: tuple, encoder_state_shape: Any, memory_shape: tuple) -> None:
        """Make the weights for an encoder's state and a memory `[B, S, M]`."""
        self.embedding.build(target_in_shape)
        self.stack.build((*target_in_shape, self.embedding_dimension), memory_shape)
        if not self.tie_embeddings:
            self.output_kernel = self.add_weight(
                shape=(self.stack.readout_size, self.vocabulary_size),
                initializer="glorot_uniform",
                name="output_kernel",
            )
        self.bridge.build(encoder_state_shape)

    def initial_state(self, encoder_state: Any, memory: Any = None) -> DecoderState:
        """The state before the first token, from each encoder layer's `(h, c)` or `(h,)`."""
        zeros = self.stack.zeros(ops.shape(encoder_state[0][0])[0])
        return zeros._replace(layers=self.bridge(encoder_state, zeros.layers))

    def step_weights(self) -> DecoderWeights:
        """What every step multiplies with, in the compute dtype, see `step`."""
        output = self.embedding.embeddings if self.tie_embeddings else self.output_kernel
        return self.stack.step_weights()._replace(vocabulary=self._cast(output))

    def step(
        self,
        token: Any,
        state: DecoderState,
        keys: Any = None,
        memory: Any = None,
        memory_mask: Any = None,
        weights: DecoderWeights | None = None,
    ) -> tuple[Any, DecoderState, Any]:
        """One target token: what search and every export run.

        Args:
            token: int32 `[B]`, the token before the one to predict.
            state: From `initial_state` or the step before.
            keys: `attention.project(memory)`, `[B, S, A]`; `None` without attention.
            memory: `[B, S, M]`, or `None`.
            memory_mask: Boolean `[B, S]`, or `None`.
            weights: `step_weights()`, made once before a loop over steps; `None` to make them here.

        Returns:
            Logits `[B, V]`, the next state, and the attention weights `[B, S]` (`None` without).
        """
        weights = self.step_weights() if weights is None else weights
        read = self._read(keys, memory, memory_mask)
        projected = weights.embedding(self._cast(self.embedding(token)))
        state, output = self.stack.advance(state, projected, DropoutMasks(), weights, read)
        attentional = output.attentional
        if not self.input_feeding:
            attentional = self.stack.readout(output.hidden, output.context, weights)
        logits = self.predict(attentional, output.alignment, memory_mask, weights)
        return logits, state, output.alignment

    def call(
        self,
        target_in: Any,
        encoder_state: Any,
        memory: Any,
        memory_mask: Any,
        training: bool = False,
        return_attention: bool = False,
    ) -> Any:
        """Logits of all positions with the target given (teacher forcing), see the class."""
        state, weights = self.initial_state(encoder_state, memory), self.step_weights()
        keys = None if self.attention is None else self.attention.project(memory)
        read = self._read(keys, memory, memory_mask)
        if training and self.scheduled_sampling is not None:

            def predict(token: Any, state: Any) -> tuple[Any, Any]:
                return self.step(token, state, keys, memory, memory_mask, weights)[:2]

            target_in = self.scheduled_sampling.choose(target_in, state, predict)
        target_in = self.word_dropout(target_in, training=training)
        embedded = self.embedding(ops.transpose(target_in))  # [T, B, E]
        embedded = self.embedding_dropout(embedded, training=training)
        aligned = return_attention or self.needs_alignment
        output = self.stack.run(embedded, state, weights, read, training, aligned)
        logits = self.predict(output.attentional, output.alignment, memory_mask, weights)
        return (logits, output.alignment) if return_attention else logits

    def _read(self, keys: Any, memory: Any, memory_mask: Any) -> Any:
        """What the attention reads, or `None`; a mask may be ids, 0 for padding."""
        if self.attention is None:
            return None
        real = None if memory_mask is None else ops.cast(memory_mask, "bool")
        return self.attention.step_weights(keys, memory, real)

    def predict(self, attentional: Any, alignment: Any, memory_mask: Any, weights: Any) -> Any:
        """Logits, `[..., R] -> [..., V]`."""
        output = weights.vocabulary
        return ops.matmul(attentional, ops.transpose(output) if self.tie_embeddings else output)

    def _cast(self, value: Any) -> Any:
        return ops.cast(value, self.compute_dtype)

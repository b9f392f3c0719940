"""The decoder: one `step` that serves training, search and every export."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_s2s.layers import bahdanau, luong  # noqa: F401  What a saved decoder names.
from keras_s2s.layers.attention import Attention
from keras_s2s.layers.bridge import Bridge
from keras_s2s.layers.decoder_stack import DecoderStack
from keras_s2s.layers.decoder_state import DecoderState, Noise
from keras_s2s.layers.dropout import Dropout, check_dropout
from keras_s2s.layers.embedding import check_embedding_dimension, make_embedding
from keras_s2s.layers.scan import apply_kernel
from keras_s2s.layers.scheduled_sampling import ScheduledSampling
from keras_s2s.layers.word_dropout import WordDropout


@keras.saving.register_keras_serializable("keras_s2s")
class Decoder(keras.layers.Layer):
    """Embedding, a stack of recurrent layers, attention and the projection to the vocabulary.

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
        cell: "lstm", "layer_norm_lstm", "gru" or "rnn".
        attention: A `LuongAttention` or `BahdanauAttention`; `None` for the plain model, which
            knows only the encoder's final state.
        input_feeding: Feed the attentional vector to the next step; needs attention.
        bridge: From the encoder's final state to the decoder's first: "dense"
            (`tanh(W state + b)`, any sizes), "copy" (same cell, sizes and number of layers) or
            "zeros".
        tie_embeddings: Use the embedding, transposed, as the projection V; `a` then has size E.
        residual: Add a layer's input to its output, from the second layer on.
        dropout: Probability of dropping an element of an embedding, of a layer's output or of `a`,
            in training.
        word_dropout: Probability of hiding a token that is read, see `WordDropout`.
        scheduled_sampling: A `ScheduledSampling`, to train on the model's own answers.
        name: Name of the layer.
        dtype: Dtype or policy, as for any Keras layer.
        trainable: Whether the weights are trained.

    Call arguments:
        target_in: int32 `[B, T]`: the start mark and the target, padded with 0 on the right.
        encoder_state: The encoder's final state, for each layer `(h, c)` or `(h,)`.
        memory: `[B, S, M]`.
        memory_mask: Boolean `[B, S]`, True = real token.
        training: Whether to drop.

    Returns:
        Logits `[B, T, V]`.

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
    A.2.2 (we have one tanh layer in place of the maxout); tied embeddings: Press and Wolf 2017.
    """

    def __init__(
        self,
        vocabulary_size: int,
        units: int,
        *,
        embedding_dimension: int | None = None,
        num_layers: int = 1,
        cell: str = "lstm",
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
        if vocabulary_size < 4 or units < 1 or num_layers < 1:
            raise ValueError(
                "A decoder needs at least 4 ids, 1 unit and 1 layer. Received: "
                f"vocabulary_size={vocabulary_size}, units={units}, num_layers={num_layers}"
            )
        for label, value, kind, names in (
            ("attention", attention, Attention, "a LuongAttention, a BahdanauAttention"),
            ("scheduled_sampling", scheduled_sampling, ScheduledSampling, "a ScheduledSampling"),
        ):
            if value is not None and not isinstance(value, kind):
                raise TypeError(f"`{label}` must be {names} or None. Received: {label}={value!r}")
        check_embedding_dimension(embedding_dimension)
        if attention is None and (input_feeding or bridge == "zeros"):
            raise ValueError(
                "Input feeding and a bridge of zeros need attention. "
                f"Received: attention=None, input_feeding={input_feeding}, bridge={bridge!r}"
            )
        check_dropout("dropout", dropout)
        self.vocabulary_size = vocabulary_size
        self.units = units
        self.embedding_dimension = embedding_dimension or units
        self.num_layers = num_layers
        self.cell = cell
        self.input_feeding = input_feeding
        self.tie_embeddings = tie_embeddings
        self.residual = residual
        self.dropout = dropout
        policy = self.dtype_policy
        self.embedding = make_embedding(vocabulary_size, self.embedding_dimension, policy)
        self.word_dropout = WordDropout(word_dropout)
        self.scheduled_sampling = scheduled_sampling
        self.embedding_dropout = Dropout(dropout, batch_axis=1, dtype=policy)
        self.stack = DecoderStack(
            units,
            self.embedding_dimension if tie_embeddings else units,
            num_layers=num_layers,
            cell=cell,
            attention=attention,
            input_feeding=input_feeding,
            residual=residual,
            dropout=dropout,
            dtype=policy,
        )
        parts = self.stack.cells[0].state_names
        self.bridge = Bridge(bridge, units, num_layers, parts, policy)

    @property
    def attention(self) -> Any:
        """The attention layer, or `None`."""
        return self.stack.attention

    def share_embedding(self, embedding: keras.layers.Embedding) -> None:
        """Use another layer's embedding in place of an own one, see `Seq2Seq`."""
        sizes = [(part.input_dim, part.output_dim) for part in (embedding, self.embedding)]
        if sizes[0] != sizes[1] or (self.built and embedding is not self.embedding):
            raise ValueError(
                "To share an embedding, encoder and decoder need vocabularies and embeddings of "
                "one size, and a decoder that is not built yet. Received: [vocabulary, embedding] "
                f"{sizes[0]} and {sizes[1]}, built={self.built}"
            )
        del self.embedding
        self.embedding = embedding

    def get_config(self) -> dict[str, Any]:
        """The arguments, as plain values."""
        return {
            "vocabulary_size": self.vocabulary_size,
            "units": self.units,
            "embedding_dimension": self.embedding_dimension,
            "num_layers": self.num_layers,
            "cell": self.cell,
            "attention": keras.saving.serialize_keras_object(self.attention),
            "input_feeding": self.input_feeding,
            "bridge": self.bridge.kind,
            "tie_embeddings": self.tie_embeddings,
            "residual": self.residual,
            "dropout": self.dropout,
            "word_dropout": self.word_dropout.rate,
            "scheduled_sampling": keras.saving.serialize_keras_object(self.scheduled_sampling),
            "name": self.name,
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
            "trainable": self.trainable,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Decoder:
        """A decoder from `get_config`."""
        made = {
            name: keras.saving.deserialize_keras_object(config[name])
            for name in ("attention", "scheduled_sampling", "dtype")
            if name in config
        }
        return cls(**{**config, **made})

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
        """The state before the first token.

        Args:
            encoder_state: For each encoder layer `(h, c)` or `(h,)`.
            memory: `[B, S, M]`; not needed, as the state tells the batch size.

        Returns:
            A `DecoderState` of `[B, U]` tensors.
        """
        zeros = self.stack.zeros(ops.shape(encoder_state[0][0])[0])
        return zeros._replace(layers=self.bridge(encoder_state, zeros.layers))

    def kernels(self) -> dict[str, Any]:
        """The matrices that every step multiplies with, in the compute dtype, see `step`."""
        return {**self.stack.kernels(), "vocabulary": self._output_weights()}

    def step(
        self,
        token: Any,
        state: DecoderState,
        keys: Any = None,
        memory: Any = None,
        memory_mask: Any = None,
        kernels: dict[str, Any] | None = None,
    ) -> tuple[Any, DecoderState, Any]:
        """One target token: what search and every export run.

        Args:
            token: int32 `[B]`, the token before the one to predict.
            state: From `initial_state` or the step before.
            keys: `attention.project(memory)`, `[B, S, A]`; `None` without attention.
            memory: `[B, S, M]`, or `None`.
            memory_mask: Boolean `[B, S]`, or `None`.
            kernels: `kernels()`, made once before a loop over steps; `None` to make them here.

        Returns:
            Logits `[B, V]`, the next state, and the attention's weights `[B, S]` (`None` without).
        """
        made = self.kernels() if kernels is None else kernels
        made = made | self.stack.matrices(keys, memory)

        def dense(name: str, value: Any) -> Any:
            return apply_kernel(value, made[name])

        projected = dense("embedding", self._cast(self.embedding(token)))
        constants = self.stack.constants(keys, memory_mask)
        state, position = self.stack.advance(state, projected, Noise(), constants, dense)
        attentional = position.attentional
        if not self.input_feeding:
            attentional = self.stack.readout(position.hidden, position.context)
        weights = None if self.attention is None else position.weights
        return self._project(attentional, made["vocabulary"]), state, weights

    def call(
        self,
        target_in: Any,
        encoder_state: Any,
        memory: Any,
        memory_mask: Any,
        training: bool = False,
    ) -> Any:
        """Logits of all positions with the target given (teacher forcing), see the class."""
        state = self.initial_state(encoder_state, memory)
        keys = None if self.attention is None else self.attention.project(memory)
        if training and self.scheduled_sampling is not None:

            def answer(token: Any, state: Any) -> tuple[Any, Any]:
                return self.step(token, state, keys, memory, memory_mask, made)[:2]

            made = self.kernels()
            target_in = self.scheduled_sampling.choose(target_in, state, answer)
        target_in = self.word_dropout(target_in, training=training)
        embedded = self.embedding_dropout(
            self.embedding(ops.transpose(target_in)), training=training
        )  # [T, B, E]
        attentional = self.stack.run(embedded, state, keys, memory, memory_mask, training)
        return self._project(attentional, self._output_weights())

    def _output_weights(self) -> Any:
        """The projection V to the vocabulary, `[R, V]`; the embedding `[V, R]` if it is tied."""
        return self._cast(self.embedding.embeddings if self.tie_embeddings else self.output_kernel)

    def _project(self, attentional: Any, weights: Any) -> Any:
        """Logits, `[..., R] -> [..., V]`."""
        return ops.matmul(attentional, ops.transpose(weights) if self.tie_embeddings else weights)

    def _cast(self, value: Any) -> Any:
        return ops.cast(value, self.compute_dtype)

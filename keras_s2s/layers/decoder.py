"""The decoder: one `step` that serves training, search and every export."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
from keras import ops, tree

from keras_s2s.layers.attention import BahdanauAttention
from keras_s2s.layers.encoder import check_dropout
from keras_s2s.layers.recurrent import make_cell, run_cell
from keras_s2s.layers.scan import apply_kernel, scan

BRIDGES = ("dense", "copy", "zeros")


class DecoderState(NamedTuple):
    """What a step hands to the next one.

    Attributes:
        layers: For each layer `(h, c)` or `(h,)`, each `[B, U]`.
        attentional: The attentional vector of the last step, `[B, R]`; `()` without input feeding.
    """

    layers: tuple
    attentional: Any


class _Step(NamedTuple):
    """What one position computes."""

    hidden: Any  # [B, U]
    context: Any  # [B, M], () without attention
    weights: Any  # [B, S], () without attention
    attentional: Any  # [B, R], () without input feeding


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
        cell: "lstm" or "gru".
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
        >>> from keras_s2s.layers.attention import LuongAttention
        >>> decoder = Decoder(vocabulary_size=20, units=8, attention=LuongAttention(8))
        >>> memory, mask = np.ones((2, 4, 6), "float32"), np.ones((2, 4), bool)
        >>> encoder_state = [(np.ones((2, 6), "float32"), np.ones((2, 6), "float32"))]
        >>> tuple(decoder(np.array([[2, 7, 8], [2, 9, 0]]), encoder_state, memory, mask).shape)
        (2, 3, 20)

    Source: Luong et al. 2015, eq. 5 and section 3.3 (input feeding); Bahdanau et al. 2015, section
    A.2.2, from which we differ in one tanh layer in place of the maxout; tied embeddings: Press and
    Wolf 2017.
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
        if bridge not in BRIDGES:
            raise ValueError(f"`bridge` must be one of {BRIDGES}. Received: bridge={bridge!r}")
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
        self.attention: Any = attention
        self.input_feeding = input_feeding
        self.bridge = bridge
        self.tie_embeddings = tie_embeddings
        self.residual = residual
        self.dropout = dropout
        self.attends_before = isinstance(attention, BahdanauAttention)
        policy = self.dtype_policy
        self.embedding = keras.layers.Embedding(
            vocabulary_size,
            self.embedding_dimension,
            embeddings_initializer=keras.initializers.RandomNormal(stddev=0.1),
            name="embedding",
            dtype=self.dtype_policy,
        )
        self.embedding_dropout = keras.layers.Dropout(dropout, dtype=policy)
        self.layer_dropouts = [
            keras.layers.Dropout(dropout, dtype=policy) for _ in range(num_layers - 1)
        ]
        self.readout_dropout = keras.layers.Dropout(dropout, dtype=policy)
        self.cells = [make_cell(cell, units, f"cell_{i}", policy) for i in range(num_layers)]
        self.readout_kernel: Any = None

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
            "bridge": self.bridge,
            "tie_embeddings": self.tie_embeddings,
            "residual": self.residual,
            "dropout": self.dropout,
            "name": self.name,
            "dtype": keras.saving.serialize_keras_object(self.dtype_policy),
            "trainable": self.trainable,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Decoder:
        """A decoder from `get_config`."""
        attention = keras.saving.deserialize_keras_object(config["attention"])
        dtype = keras.saving.deserialize_keras_object(config["dtype"])
        return cls(**{**config, "attention": attention, "dtype": dtype})

    def build(self, target_in_shape: tuple, encoder_state_shape: Any, memory_shape: tuple) -> None:
        """Make the weights for an encoder's state and a memory `[B, S, M]`."""
        size = self.embedding_dimension if self.tie_embeddings else self.units
        fed = 0
        if self.attention is not None:
            if not self.attention.built:
                self.attention.build((None, self.units), memory_shape)
            fed += memory_shape[-1] if self.attends_before else 0
            fed += size if self.input_feeding else 0
        self.embedding.build(target_in_shape)
        for index, cell in enumerate(self.cells):
            cell.build((None, self.units if index else self.embedding_dimension + fed))
        if self.attention is not None or size != self.units:
            inputs = self.units + (0 if self.attention is None else memory_shape[-1])
            self.readout_kernel = self.add_weight(
                shape=(inputs, size), initializer="glorot_uniform", name="readout_kernel"
            )
        if not self.tie_embeddings:
            self.output_kernel = self.add_weight(
                shape=(size, self.vocabulary_size),
                initializer="glorot_uniform",
                name="output_kernel",
            )
        self._build_bridge([tuple(part[-1] for part in layer) for layer in encoder_state_shape])

    def _build_bridge(self, sizes: list[tuple[int, ...]]) -> None:
        parts = len(self.cells[0].state_names)
        if self.bridge == "copy" and sizes != [(self.units,) * parts] * self.num_layers:
            raise ValueError(
                'A "copy" bridge needs an encoder whose layers, cell and units are the decoder\'s; '
                f'"dense" takes any. Received: encoder state sizes {sizes}, decoder '
                f"num_layers={self.num_layers}, units={self.units}, cell={self.cell!r}"
            )
        self.bridge_kernels: list[list[tuple[Any, Any]]] = []
        if self.bridge != "dense":
            return
        for layer in range(self.num_layers):
            rows = sum(sizes[min(layer, len(sizes) - 1)])
            self.bridge_kernels.append(
                [self._add_bridge(rows, f"{name}_{layer}") for name in self.cells[0].state_names]
            )

    def _add_bridge(self, rows: int, name: str) -> tuple[Any, Any]:
        kernel = self.add_weight(
            shape=(rows, self.units), initializer="glorot_uniform", name=f"bridge_{name}_kernel"
        )
        return kernel, self.add_weight(
            shape=(self.units,), initializer="zeros", name=f"bridge_{name}_bias"
        )

    def initial_state(self, encoder_state: Any, memory: Any = None) -> DecoderState:
        """The state before the first token.

        Args:
            encoder_state: For each encoder layer `(h, c)` or `(h,)`.
            memory: `[B, S, M]`; not needed, as the state tells the batch size.

        Returns:
            A `DecoderState` of `[B, U]` tensors.
        """
        batch = ops.shape(encoder_state[0][0])[0]
        layers = []
        for index, cell in enumerate(self.cells):
            source = encoder_state[min(index, len(encoder_state) - 1)]
            start = cell.initial_state(batch)
            if self.bridge == "copy":
                start = tuple(
                    ops.cast(new, old.dtype) for new, old in zip(source, start, strict=True)
                )
            elif self.bridge == "dense":
                joined = self._cast(ops.concatenate([self._cast(part) for part in source], axis=-1))
                start = tuple(
                    ops.cast(
                        ops.tanh(ops.matmul(joined, self._cast(kernel)) + self._cast(bias)),
                        old.dtype,
                    )
                    for (kernel, bias), old in zip(self.bridge_kernels[index], start, strict=True)
                )
            layers.append(start)
        attentional = ()
        if self.input_feeding:
            attentional = ops.zeros((batch, self.readout_kernel.shape[1]), self.compute_dtype)
        return DecoderState(tuple(layers), attentional)

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
        projected = self._project_embedding(self.embedding(token))
        state, step = self._advance(
            state,
            (projected, [], ()),
            self._constants(keys, memory, memory_mask),
            lambda name, v: apply_kernel(v, made[name]),
        )
        attentional = (
            step.attentional if self.input_feeding else self._readout(step.hidden, step.context)
        )
        weights = None if self.attention is None else step.weights
        return self._project_vocabulary(attentional), state, weights

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
        embedded = self.embedding_dropout(
            self.embedding(ops.transpose(target_in)), training=training
        )  # [T, B, E]
        if self.input_feeding or self.attends_before:
            attentional = self._scan(embedded, state, keys, memory, memory_mask, training)
        else:
            attentional = self._attend_to_all(embedded, state, keys, memory, memory_mask, training)
        return self._project_vocabulary(attentional)

    def _attend_to_all(
        self,
        embedded: Any,
        state: DecoderState,
        keys: Any,
        memory: Any,
        memory_mask: Any,
        training: bool,
    ) -> Any:
        """The recurrence needs no attention: it runs first, and all steps attend at once."""
        hidden = embedded
        for index, cell in enumerate(self.cells):
            inputs = hidden
            hidden, _ = run_cell(cell, inputs, state.layers[index], training=training)
            if index:
                hidden = hidden + inputs if self.residual else hidden
            if index < self.num_layers - 1:
                hidden = self.layer_dropouts[index](hidden, training=training)
        hidden = ops.transpose(hidden, (1, 0, 2))  # [B, T, U]
        context = ()
        if self.attention is not None:
            context, _ = self.attention(hidden, keys, memory, memory_mask)
        return self.readout_dropout(self._readout(hidden, context), training=training)

    def _scan(
        self,
        embedded: Any,
        state: DecoderState,
        keys: Any,
        memory: Any,
        memory_mask: Any,
        training: bool,
    ) -> Any:
        """The recurrence needs the attention of the step before: one loop over the positions."""
        length, batch = ops.shape(embedded)[0], ops.shape(embedded)[1]

        def noise(layer: Any, size: int) -> Any:
            return layer(ops.ones((length, batch, size), self.compute_dtype), training=training)

        drops = training and self.dropout > 0
        inputs = (
            self._project_embedding(embedded),
            [noise(layer, self.units) for layer in self.layer_dropouts] if drops else [],
            noise(self.readout_dropout, self.readout_kernel.shape[1])
            if drops and self.input_feeding
            else (),
        )

        def step(
            state: DecoderState, x: Any, constants: Any, dense: Any
        ) -> tuple[DecoderState, Any]:
            state, step = self._advance(state, x, constants, dense)
            kept = step.attentional if self.input_feeding else (step.hidden, step.context)
            return state, kept

        _, outputs = scan(
            step,
            state,
            inputs,
            self._constants(keys, memory, memory_mask),
            self.kernels(),
            training=training,
        )
        outputs = tree.map_structure(lambda value: ops.transpose(value, (1, 0, 2)), outputs)
        if self.input_feeding:
            return outputs
        return self.readout_dropout(self._readout(*outputs), training=training)

    def _advance(
        self, state: DecoderState, x: tuple, constants: tuple, dense: Any
    ) -> tuple[DecoderState, _Step]:
        """One position, whoever makes the products: `dense(name, v)` is `v @ kernel`."""
        projected, layer_noise, readout_noise = x
        context = weights = attentional = ()
        fed = []
        if self.attends_before:
            context, weights = self._attend(state.layers[-1][0], constants, dense)
            fed.append(context)
        if self.input_feeding:
            fed.append(state.attentional)
        layers = []
        hidden: Any = None
        for index, cell in enumerate(self.cells):
            inputs = hidden
            if index:
                projected = dense(f"kernel_{index}", inputs)
            before = state.layers[index]
            recurrent_inputs = before[0]
            if fed and index == 0:
                if cell.additive:
                    recurrent_inputs = ops.concatenate([*fed, before[0]], axis=-1)
                else:
                    projected = projected + dense("fed", ops.concatenate(fed, axis=-1))
            after = cell.advance(projected, dense(f"recurrent_{index}", recurrent_inputs), before)
            layers.append(after)
            hidden = after[0] + inputs if index and self.residual else after[0]
            if layer_noise and index < self.num_layers - 1:
                hidden = hidden * layer_noise[index]
        if self.attention is not None and not self.attends_before:
            context, weights = self._attend(hidden, constants, dense)
        if self.input_feeding:
            attentional = ops.tanh(dense("readout", ops.concatenate([context, hidden], axis=-1)))
            attentional = (
                attentional if isinstance(readout_noise, tuple) else attentional * readout_noise
            )
        return DecoderState(tuple(layers), attentional), _Step(
            hidden, context, weights, attentional
        )

    def _attend(self, query: Any, constants: tuple, dense: Any) -> tuple[Any, Any]:
        if self.attention.query_kernel is not None:
            query = dense("query", query)
        return self.attention.attend(query, *constants)

    def kernels(self) -> dict[str, Any]:
        """The matrices that one position multiplies with, in the compute dtype."""
        first = self.cells[0]
        kernels: dict[str, Any] = {}
        for index, cell in enumerate(self.cells):
            kernels[f"recurrent_{index}"] = cell.recurrent()
            if index:
                kernels[f"kernel_{index}"] = self._cast(cell.kernel), self._cast(cell.bias)
        if self.attention is not None and self.attention.query_kernel is not None:
            kernels["query"] = self._cast(self.attention.query_kernel)
        if self.input_feeding:
            kernels["readout"] = self._cast(self.readout_kernel)
        if self.input_feeding or self.attends_before:
            fed = self._cast(first.kernel)[self.embedding_dimension :]
            if first.additive:
                kernels["recurrent_0"] = ops.concatenate([fed, kernels["recurrent_0"]], axis=0)
            else:
                kernels["fed"] = fed
        return kernels

    def _constants(self, keys: Any, memory: Any, memory_mask: Any) -> tuple:
        """What is the same at all positions."""
        if self.attention is None:
            return ()
        return keys, memory, memory_mask, self.attention.parameters()

    def _project_embedding(self, embedded: Any) -> Any:
        """The embedding's share of what goes into the first cell: `[..., E] -> [..., G*U]`."""
        cell = self.cells[0]
        kernel = self._cast(cell.kernel)[: self.embedding_dimension]
        return ops.matmul(self._cast(embedded), kernel) + self._cast(cell.bias)

    def _readout(self, hidden: Any, context: Any) -> Any:
        """The attentional vector, `[..., U], [..., M] -> [..., R]`; else `hidden`."""
        if self.readout_kernel is None:
            return hidden
        inputs = hidden if self.attention is None else ops.concatenate([context, hidden], axis=-1)
        return ops.tanh(ops.matmul(inputs, self._cast(self.readout_kernel)))

    def _project_vocabulary(self, attentional: Any) -> Any:
        """Logits: `[..., R] -> [..., V]`."""
        if self.tie_embeddings:
            kernel = ops.transpose(self._cast(self.embedding.embeddings))
        else:
            kernel = self._cast(self.output_kernel)
        return ops.matmul(attentional, kernel)

    def _cast(self, value: Any) -> Any:
        return ops.cast(value, self.compute_dtype)

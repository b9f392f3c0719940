"""What a decoder computes between embedding and vocabulary: one position, or all of them."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops, tree

from keras_s2s.layers.decoder_state import DecoderState, Noise, Position
from keras_s2s.layers.dropout import Dropout
from keras_s2s.layers.recurrent import make_cell, run_cell
from keras_s2s.layers.scan import apply_kernel, scan


class DecoderStack(keras.layers.Layer):
    """The recurrent layers of a decoder, with attention and readout: the first steps of `Decoder`.

    `advance` is the one definition of a position; a step of a search runs it once and `run` runs it
    over a whole target. Matrix products go through `dense(name, v)`, `v` times a matrix of
    `kernels()` or `matrices(...)`: so `scan` takes the gradient of all matrices out of its loop.

    Args:
        units: Size U of the hidden state.
        readout_size: Size R of the attentional vector.
        num_layers: Number of recurrent layers.
        cell: "lstm", "layer_norm_lstm", "gru" or "rnn".
        attention: An attention layer or `None`.
        input_feeding: Feed the attentional vector to the next position.
        residual: Add a layer's input to its output, from the second layer on.
        dropout: Probability of dropping an element between layers and of the attentional vector.
        dtype: Dtype or policy, as for any Keras layer.
    """

    def __init__(
        self,
        units: int,
        readout_size: int,
        *,
        num_layers: int,
        cell: str,
        attention: Any,
        input_feeding: bool,
        residual: bool,
        dropout: float,
        dtype: Any,
    ) -> None:
        super().__init__(name="stack", dtype=dtype)
        self.units = units
        self.readout_size = readout_size
        self.attention: Any = attention
        self.input_feeding = input_feeding
        self.residual = residual
        self.dropout = dropout
        self.attends_before = attention is not None and attention.attends_before
        self.layer_dropouts = [
            Dropout(dropout, batch_axis=1, dtype=dtype) for _ in range(num_layers - 1)
        ]
        # With input feeding it is drawn before the loop, positions first.
        self.readout_dropout = Dropout(dropout, batch_axis=int(input_feeding), dtype=dtype)
        self.cells = [make_cell(cell, units, f"cell_{i}", dtype) for i in range(num_layers)]
        self.readout_kernel: Any = None

    def build(self, embedded_shape: tuple, memory_shape: tuple) -> None:
        """Make the weights for embeddings `[..., E]` and a memory `[B, S, M]`."""
        self.embedding_dimension = embedded_shape[-1]
        fed = 0
        if self.attention is not None:
            if not self.attention.built:
                self.attention.build((None, self.units), memory_shape)
            fed += memory_shape[-1] if self.attends_before else 0
            fed += self.readout_size if self.input_feeding else 0
        for index, cell in enumerate(self.cells):
            cell.build((None, self.units if index else self.embedding_dimension + fed))
        if self.attention is not None or self.readout_size != self.units:
            inputs = self.units + (0 if self.attention is None else memory_shape[-1])
            self.readout_kernel = self.add_weight(
                shape=(inputs, self.readout_size),
                initializer="glorot_uniform",
                name="readout_kernel",
            )

    def zeros(self, batch: Any) -> DecoderState:
        """A state of nothing but zeros."""
        attentional: Any = ()
        position: Any = ()
        if self.input_feeding:
            attentional = ops.zeros((batch, self.readout_size), self.compute_dtype)
        if self.attention is not None and self.attention.needs_position:
            position = ops.zeros((batch, 1), "float32")
        layers = tuple(cell.initial_state(batch) for cell in self.cells)
        return DecoderState(layers, attentional, position)

    def kernels(self) -> dict[str, Any]:
        """The matrices that every position multiplies with, in the compute dtype.

        "embedding" is for the embedding alone, on its way into the first cell.
        """
        first = self.cells[0]
        embedding = first.inputs()
        kernels: dict[str, Any] = {}
        for index, cell in enumerate(self.cells):
            kernels[f"recurrent_{index}"] = cell.recurrent()
            if index:
                kernels[f"kernel_{index}"] = cell.inputs()
        if self.attention is not None:
            kernels |= self.attention.kernels()
        if self.input_feeding:
            kernels["readout"] = self._cast(self.readout_kernel)
        if self.input_feeding or self.attends_before:
            matrix, *bias = embedding if isinstance(embedding, tuple) else (embedding,)
            matrix, fed = ops.split(matrix, [self.embedding_dimension], axis=0)
            embedding = (matrix, *bias) if bias else matrix
            if first.additive:
                kernels["recurrent_0"] = ops.concatenate([fed, kernels["recurrent_0"]], axis=0)
            else:
                kernels["fed"] = fed
        return {**kernels, "embedding": embedding}

    def matrices(self, keys: Any, memory: Any) -> dict[str, Any]:
        """The matrices, one for each sentence, that every position multiplies with."""
        return {} if self.attention is None else self.attention.matrices(keys, memory)

    def constants(self, keys: Any, memory_mask: Any) -> tuple:
        """What else is the same at all positions: of the cells, and of the attention."""
        of_cells = tuple(cell.parameters() for cell in self.cells)
        if self.attention is None:
            return of_cells, ()
        return of_cells, (memory_mask, self.attention.parameters(keys, memory_mask))

    def advance(
        self, state: DecoderState, projected: Any, noise: Noise, constants: tuple, dense: Any
    ) -> tuple[DecoderState, Position]:
        """One position.

        Args:
            state: The state before it.
            projected: The embedding after its kernel, `[B, G*U]`.
            noise: Of this position.
            constants: `constants(...)`.
            dense: Makes the products, `dense(name, v)` with `kernels()` and `matrices(...)`.

        Returns:
            The state after it, and what it computed.
        """
        context = weights = attentional = ()
        fed = []
        of_cells, read = constants
        if self.attends_before:
            query = state.layers[-1][0]
            context, weights = self.attention.attend(query, state.position, *read, dense)
            fed.append(context)
        if self.input_feeding:
            fed.append(state.attentional)
        layers, hidden = self._advance_cells(state, projected, fed, noise, of_cells, dense)
        if self.attention is not None and not self.attends_before:
            context, weights = self.attention.attend(hidden, state.position, *read, dense)
        if self.input_feeding:
            attentional = ops.tanh(dense("readout", ops.concatenate([context, hidden], axis=-1)))
            if not isinstance(noise.attentional, tuple):
                attentional = attentional * noise.attentional
        position: Any = () if isinstance(state.position, tuple) else state.position + 1
        after = DecoderState(layers, attentional, position)
        return after, Position(hidden, context, weights, attentional)

    def _advance_cells(
        self,
        state: DecoderState,
        projected: Any,
        fed: list,
        noise: Noise,
        parameters: tuple,
        dense: Any,
    ) -> tuple[tuple, Any]:
        """The states of all layers after one position, and the output of the last layer."""
        layers = []
        hidden: Any = None
        for index, cell in enumerate(self.cells):
            inputs, before = hidden, state.layers[index]
            recurrent_inputs = before[0]
            if index:
                projected = dense(f"kernel_{index}", inputs)
            elif fed and cell.additive:
                recurrent_inputs = ops.concatenate([*fed, before[0]], axis=-1)
            elif fed:
                projected = projected + dense("fed", ops.concatenate(fed, axis=-1))
            recurrent = dense(f"recurrent_{index}", recurrent_inputs)
            after = cell.advance(projected, recurrent, before, parameters[index])
            layers.append(after)
            hidden = after[0] + inputs if index and self.residual else after[0]
            if noise.layers and index < len(self.cells) - 1:
                hidden = hidden * noise.layers[index]
        return tuple(layers), hidden

    def run(
        self,
        embedded: Any,
        state: DecoderState,
        keys: Any,
        memory: Any,
        memory_mask: Any,
        training: bool,
    ) -> Any:
        """All positions of a target.

        Args:
            embedded: `[T, B, E]`: the positions come first.
            state: The state before the first.
            keys: `attention.project(memory)`, or `None`.
            memory: `[B, S, M]`.
            memory_mask: Boolean `[B, S]`.
            training: Whether to drop, and a gradient will be asked for.

        Returns:
            The attentional vectors, `[B, T, R]`.
        """
        if self.input_feeding or self.attends_before:
            matrices, constants = self.matrices(keys, memory), self.constants(keys, memory_mask)
            found = self._scan(embedded, state, matrices, constants, training)
            if self.input_feeding:
                return found
            hidden, context = found
        else:
            hidden = self._run_cells(embedded, state, training)
            # The recurrence needs no attention: all positions attend at once.
            context = self.attention(hidden, keys, memory, memory_mask)[0] if self.attention else ()
        return self.readout_dropout(self.readout(hidden, context), training=training)

    def _run_cells(self, embedded: Any, state: DecoderState, training: bool) -> Any:
        """The hidden states of the last layer, `[B, T, U]`, each layer by a loop of its own."""
        hidden = embedded
        for index, cell in enumerate(self.cells):
            inputs = hidden
            hidden, _ = run_cell(cell, inputs, state.layers[index], training=training)
            if index:
                hidden = hidden + inputs if self.residual else hidden
            if index < len(self.cells) - 1:
                hidden = self.layer_dropouts[index](hidden, training=training)
        return ops.transpose(hidden, (1, 0, 2))

    def _scan(
        self,
        embedded: Any,
        state: DecoderState,
        matrices: dict[str, Any],
        constants: tuple,
        training: bool,
    ) -> Any:
        """The recurrence needs the attention of the position before: one loop over them.

        Returns:
            With input feeding the attentional vectors `[B, T, R]`, else the hidden states
            `[B, T, U]` and the contexts `[B, T, M]`.
        """

        def step(
            state: DecoderState, x: tuple, constants: tuple, dense: Any
        ) -> tuple[DecoderState, Any]:
            projected, noise = x
            state, position = self.advance(state, projected, noise, constants, dense)
            if self.input_feeding:
                return state, position.attentional
            return state, (position.hidden, position.context)

        kernels = self.kernels() | matrices
        projected = apply_kernel(self._cast(embedded), kernels.pop("embedding"))
        inputs = projected, self._noise(embedded, training)
        _, outputs = scan(step, state, inputs, constants, kernels, training=training)
        return tree.map_structure(lambda value: ops.transpose(value, (1, 0, 2)), outputs)

    def _noise(self, embedded: Any, training: bool) -> Noise:
        """The factors of all positions, `[T, B, ...]`."""
        if not training or self.dropout == 0:
            return Noise()

        def draw(layer: Dropout, size: int) -> Any:
            return layer.factors((*ops.shape(embedded)[:2], size))

        return Noise(
            [draw(layer, self.units) for layer in self.layer_dropouts],
            draw(self.readout_dropout, self.readout_size) if self.input_feeding else (),
        )

    def readout(self, hidden: Any, context: Any) -> Any:
        """The attentional vector, `[..., U], [..., M] -> [..., R]`; else `hidden`."""
        if self.readout_kernel is None:
            return hidden
        inputs = hidden if self.attention is None else ops.concatenate([context, hidden], axis=-1)
        return ops.tanh(ops.matmul(inputs, self._cast(self.readout_kernel)))

    def _cast(self, value: Any) -> Any:
        return ops.cast(value, self.compute_dtype)

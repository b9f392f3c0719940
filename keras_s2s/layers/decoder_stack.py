"""What a decoder computes between embedding and vocabulary: one position, or all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from keras_s2s.layers.cells import Cell
from keras_s2s.layers.decoder_state import (
    DecoderState,
    DecoderWeights,
    DropoutMasks,
    LayerWeights,
    StepOutput,
)
from keras_s2s.layers.dense import Dense
from keras_s2s.layers.dropout import Dropout
from keras_s2s.layers.recurrent import run_cell
from keras_s2s.layers.scan import scan
from keras_s2s.search.structure import map_tensors


class DecoderStack(keras.layers.Layer):
    """The recurrent layers of a decoder, with attention and readout: steps 1 to 3 of `Decoder`.

    `advance` defines a position: a step of a search runs it once, and `run` runs it over a whole
    target. Where no position needs the attention of the one before, `run` computes each layer over
    all positions, and then the attention of all of them, by the same functions.

    Args:
        cells: The cells, from the first layer to the last, of one class and size.
        readout_size: Size R of the attentional vector.

    The other arguments are those of `Decoder`.
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        attention: Any,
        readout_size: int,
        *,
        input_feeding: bool,
        residual: bool,
        dropout: float,
    ) -> None:
        dtype = cells[0].dtype_policy
        super().__init__(name="stack", dtype=dtype)
        self.units = cells[0].units
        self.readout_size = readout_size
        # The order of these layers is that of the variables in a checkpoint.
        self.attention: Any = attention
        self.input_feeding = input_feeding
        self.residual = residual
        self.dropout = dropout
        self.attends_before = attention is not None and attention.attends_before
        self.is_recurrent = self.attends_before or input_feeding
        self.layer_dropouts = [Dropout(dropout, batch_axis=1, dtype=dtype) for _ in cells[1:]]
        # With input feeding it is drawn before the loop, positions first.
        self.readout_dropout = Dropout(dropout, batch_axis=int(input_feeding), dtype=dtype)
        self.cells = list(cells)
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
        """A state of zeros."""
        attentional = position = None
        if self.input_feeding:
            attentional = ops.zeros((batch, self.readout_size), self.compute_dtype)
        if self.attention is not None and self.attention.needs_position:
            position = ops.zeros((batch, 1), "float32")
        layers = tuple(cell.initial_state(batch) for cell in self.cells)
        return DecoderState(layers, attentional, position)

    def step_weights(self) -> DecoderWeights:
        """What every position multiplies with, in the compute dtype."""
        first = self.cells[0]
        embedding, fed = first.input_weights(), None
        layers = [
            LayerWeights(cell.step_weights(), cell.input_weights() if index else None)
            for index, cell in enumerate(self.cells)
        ]
        if self.is_recurrent:
            matrix, fed = ops.split(embedding.matrix, [self.embedding_dimension], axis=0)
            embedding, fed = Dense(matrix, embedding.bias), Dense(fed)
        if fed is not None and first.additive:  # One product makes [fed; h] [W; U].
            recurrent = layers[0].cell.recurrent
            both = ops.concatenate([fed.matrix, recurrent.matrix], axis=0)
            cell = layers[0].cell._replace(recurrent=Dense(both, recurrent.bias))
            layers[0], fed = LayerWeights(cell, None), None
        readout = None
        if self.readout_kernel is not None:
            readout = Dense(ops.cast(self.readout_kernel, self.compute_dtype))
        return DecoderWeights(embedding, tuple(layers), fed, readout)

    def advance(
        self, state: DecoderState, projected: Any, masks: DropoutMasks, weights: Any, read: Any
    ) -> tuple[DecoderState, StepOutput]:
        """One position.

        Args:
            state: The state before it.
            projected: `weights.embedding` of the embedding, `[B, G*U]`.
            masks: Dropout's masks of this position.
            weights: `step_weights()`.
            read: `attention.step_weights(...)`, or `None` without attention.

        Returns:
            The state after it, and what it computed.
        """
        context = alignment = attentional = None
        if self.attends_before:
            query = state.layers[-1][0]
            context, alignment = self.attention.attend(query, state.position, read)
        fed = [one for one in (context, state.attentional) if one is not None]
        layers = []

        def run_layer(index: int, inputs: Any) -> Any:
            layer, before = weights.layers[index], state.layers[index]
            x, h = projected if index == 0 else layer.inputs(inputs), before[0]
            if fed and index == 0:
                if weights.fed is None:
                    h = ops.concatenate([*fed, h], axis=-1)
                else:
                    x = x + weights.fed(ops.concatenate(fed, axis=-1))
            cell = self.cells[index]
            layers.append(cell.advance(x, layer.cell.recurrent(h), before, layer.cell))
            return layers[-1][0]

        hidden = self._run_layers(run_layer, masks)
        if self.attention is not None and not self.attends_before:
            context, alignment = self.attention.attend(hidden, state.position, read)
        if self.input_feeding:
            attentional = self.readout(hidden, context, weights)
            if masks.attentional is not None:
                attentional = attentional * masks.attentional
        position = self.attention and self.attention.next_position(state.position, alignment)
        after = DecoderState(tuple(layers), attentional, position)
        return after, StepOutput(hidden, context, alignment, attentional)

    def _run_layers(self, run_layer: Callable[[int, Any], Any], masks: DropoutMasks) -> Any:
        """The output of the last layer, for one position or for all, by a function of each layer.

        It gets the number of the layer and its inputs, `None` for the first.
        """
        hidden: Any = None
        for index in range(len(self.cells)):
            inputs = hidden
            hidden = run_layer(index, inputs)
            if self.residual and index:
                hidden = hidden + inputs
            if masks.layers is not None and index < len(self.cells) - 1:
                hidden = hidden * masks.layers[index]
        return hidden

    def readout(self, hidden: Any, context: Any, weights: DecoderWeights) -> Any:
        """The attentional vector `tanh(W [context; h])`, `[..., R]`; else `hidden`."""
        if weights.readout is None:
            return hidden
        inputs = hidden if context is None else ops.concatenate([context, hidden], axis=-1)
        return ops.tanh(weights.readout(inputs))

    def run(
        self, embedded: Any, state: Any, weights: Any, read: Any, training: bool, aligned: bool
    ) -> StepOutput:
        """All positions of a target.

        Args:
            embedded: `[T, B, E]`: the positions come first.
            state: The state before the first.
            weights: `step_weights()`.
            read: `attention.step_weights(...)`, or `None` without attention.
            training: Whether to drop, and a gradient will be asked for.
            aligned: Whether to return attention weights.

        Returns:
            The attentional vectors, `[B, T, R]`, and the attention weights, `[B, T, S]`.
        """
        masks = self._draw_masks(embedded, training)
        if self.is_recurrent:
            projected = weights.embedding(ops.cast(embedded, self.compute_dtype))
            output = self._scan((projected, masks), state, weights, read, training, aligned)
            if self.input_feeding:
                return output
            hidden, context, alignment, _ = output
        else:

            def run_layer(index: int, inputs: Any) -> Any:
                inputs, start = inputs if index else embedded, state.layers[index]
                return run_cell(self.cells[index], inputs, start, training=training)[0]

            hidden = ops.transpose(self._run_layers(run_layer, masks), (1, 0, 2))  # [B, T, U]
            context = alignment = None
            if self.attention is not None:
                context, alignment = self.attention.attend_all(hidden, read, training)
        readout = self.readout(hidden, context, weights)
        return StepOutput(None, None, alignment, self.readout_dropout(readout, training=training))

    def _scan(
        self, inputs: Any, state: Any, weights: Any, read: Any, training: bool, aligned: bool
    ) -> StepOutput:
        """What is read of all positions, `[B, T, ...]`, where each needs the one before."""

        def step(state: DecoderState, x: tuple, weights: tuple) -> tuple[DecoderState, Any]:
            state, output = self.advance(state, *x, *weights)
            alignment = output.alignment if aligned else None
            if self.input_feeding:
                return state, StepOutput(None, None, alignment, output.attentional)
            return state, StepOutput(output.hidden, output.context, alignment)

        of_step = weights._replace(embedding=None, vocabulary=None)
        _, outputs = scan(step, state, inputs, (of_step, read), training=training)
        return map_tensors(lambda value: ops.transpose(value, (1, 0, 2)), outputs)

    def _draw_masks(self, embedded: Any, training: bool) -> DropoutMasks:
        """Dropout's masks of all positions, `[T, B, ...]`."""
        if not training or self.dropout == 0:
            return DropoutMasks()

        def draw(layer: Dropout, size: int) -> Any:
            return layer.factors((*ops.shape(embedded)[:2], size))

        return DropoutMasks(
            [draw(layer, self.units) for layer in self.layer_dropouts],
            draw(self.readout_dropout, self.readout_size) if self.input_feeding else None,
        )

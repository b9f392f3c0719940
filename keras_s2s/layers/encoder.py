"""The encoder: a sentence in, one vector per token and a final state out."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_s2s.layers.cell_names import make_cell
from keras_s2s.layers.cells import Cell
from keras_s2s.layers.checks import check_directions, check_encoder_sizes
from keras_s2s.layers.dropout import Dropout, check_dropout
from keras_s2s.layers.embedding import make_embedding
from keras_s2s.layers.output_specs import EncoderSpec
from keras_s2s.layers.recurrent import run_cell
from keras_s2s.layers.word_dropout import WordDropout
from keras_s2s.special_ids import PAD_ID


@keras.saving.register_keras_serializable("keras_s2s")
class Encoder(EncoderSpec):
    """Embedding and a stack of recurrent layers, in one or both directions.

    1. `x = dropout(embedding(source))`
    2. for each layer: `x = [forward(x); backward(x)]`, or one of the two, with dropout between the
       layers and, if `residual`, the layer's input added from the second layer on
    3. `memory = dropout(x)`

    Without `bidirectional` a layer reads forwards. `reverse_source` is the reversal of the source:
    the first layer reads from the last real token to the first, whatever the padding. It turns
    every layer round, so that a memory vector stays at its token's place, for attention and for
    exports. `alternating` turns round every second layer.

    Args:
        vocabulary_size: Number V of source ids, the special ones included.
        units: Size U of a memory vector and of the final state; with `bidirectional` each direction
            has half of it.
        embedding_dimension: Size E of an embedding; `None` = `units`.
        num_layers: Number of recurrent layers.
        cell: "lstm", "layer_norm_lstm", "gru", "rnn" or a subclass of `Cell`.
        bidirectional: Read each layer's input from both ends.
        alternating: Read it from one end, the other one than the layer below; without
            `bidirectional`.
        reverse_source: Read the source from its end; without `bidirectional`.
        residual: Add a layer's input to its output, from the second layer on.
        dropout: Probability of dropping an element of an embedding or of a layer's output, in
            training.
        word_dropout: Probability of hiding a token, see `WordDropout`.
        name: Name of the layer.
        dtype: Dtype or policy, as for any Keras layer.
        trainable: Whether the weights are trained.

    Call arguments:
        source: int32 `[B, S]`, padded with 0 on the right.
        training: Whether to drop.
        unroll: Write every position into the graph instead of a loop; S must be known.

    Returns:
        - memory `[B, S, U]`
        - memory_mask, boolean `[B, S]`, True = real token
        - state: for each layer a tuple, `(h, c)` or `(h,)`, of `[B, U]` after the last real token;
          with `bidirectional` the two directions side by side

    Raises:
        ValueError: Sizes below 1, an unknown cell, or with `bidirectional` an odd `units`,
            `alternating` or `reverse_source`.

    Example:
        >>> import numpy as np
        >>> encoder = Encoder(vocabulary_size=20, units=8, num_layers=2)
        >>> memory, memory_mask, state = encoder(np.array([[5, 6, 3, 0], [7, 8, 9, 3]]))
        >>> tuple(memory.shape), np.asarray(memory_mask)[0].tolist(), len(state)
        ((2, 4, 8), [True, True, True, False], 2)

    Source: Sutskever et al. 2014, sections 2 (one direction) and 3.3 (reversal; our end mark is
    read first); Bahdanau et al. 2015, section 3.2 (both directions); Zhou et al. 2016, section 3
    (alternating); Wu et al. 2016, section 3.1 (residual).
    """

    def __init__(
        self,
        vocabulary_size: int,
        units: int,
        *,
        embedding_dimension: int | None = None,
        num_layers: int = 1,
        cell: str | type[Cell] = "lstm",
        bidirectional: bool = True,
        alternating: bool = False,
        reverse_source: bool = False,
        residual: bool = False,
        dropout: float = 0.0,
        word_dropout: float = 0.0,
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(name=name, dtype=dtype, trainable=trainable)
        check_encoder_sizes(vocabulary_size, num_layers, embedding_dimension)
        check_directions(units, bidirectional, alternating, reverse_source)
        check_dropout("dropout", dropout)
        self.vocabulary_size = vocabulary_size
        self.units = units
        self.embedding_dimension = dimension = embedding_dimension or units
        self.num_layers = num_layers
        self.cell = cell
        self.bidirectional = bidirectional
        self.alternating = alternating
        self.reverse_source = reverse_source
        self.residual = residual
        self.dropout = dropout
        self.embedding = make_embedding(vocabulary_size, dimension, self.dtype_policy)
        self.word_dropout = WordDropout(word_dropout)
        self._make_layers()

    def _make_layers(self) -> None:
        policy, rate = self.dtype_policy, self.dropout
        self.embedding_dropout = Dropout(rate, batch_axis=1, dtype=policy)
        layers = range(self.num_layers)
        self.output_dropouts = [Dropout(rate, batch_axis=1, dtype=policy) for _ in layers]
        directions = ("forward", "backward") if self.bidirectional else ("forward",)
        units = self.units // len(directions)
        self.cells = [
            make_cell(self.cell, units, f"{direction}_{layer}", policy)
            for layer in layers
            for direction in directions
        ]

    def arguments(self) -> dict[str, Any]:
        """The arguments of the constructor, see `SavedByArguments`."""
        return {**super().arguments(), "word_dropout": self.word_dropout.rate}

    def build(self, source_shape: tuple) -> None:
        """Make the weights; they depend on the arguments alone."""
        self.embedding.build(source_shape)
        directions = len(self.cells) // self.num_layers
        for index, cell in enumerate(self.cells):
            size = self.embedding_dimension if index < directions else self.units
            cell.build((None, None, size))

    def call(
        self, source: Any, training: bool = False, unroll: bool = False
    ) -> tuple[Any, Any, list[tuple]]:
        """Read the source, see the class."""
        memory_mask = ops.not_equal(source, PAD_ID)  # [B, S]
        mask = ops.transpose(memory_mask)  # [S, B]: from here to the memory, positions come first
        source = self.word_dropout(source, training=training)
        outputs = self.embedding_dropout(self.embedding(ops.transpose(source)), training=training)
        states = []
        for layer in range(self.num_layers):
            inputs = outputs
            outputs, state = self._run_layer(layer, inputs, mask, training, unroll)
            if self.residual and layer > 0:
                outputs = outputs + inputs
            outputs = self.output_dropouts[layer](outputs, training=training)
            states.append(state)
        return ops.transpose(outputs, (1, 0, 2)), memory_mask, states

    def _run_layer(
        self, layer: int, inputs: Any, mask: Any, training: bool, unroll: bool
    ) -> tuple[Any, tuple]:
        how = {"training": training, "unroll": unroll}

        def run(cell: Cell, reverse: bool) -> tuple[Any, tuple]:
            start = cell.initial_state(ops.shape(inputs)[1])
            return run_cell(cell, inputs, start, mask, reverse=reverse, **how)

        if not self.bidirectional:
            is_turned = self.alternating and layer % 2 == 1
            return run(self.cells[layer], self.reverse_source != is_turned)
        forward, forward_state = run(self.cells[2 * layer], False)
        backward, backward_state = run(self.cells[2 * layer + 1], True)
        parts = zip(forward_state, backward_state, strict=True)
        state = tuple(ops.concatenate(part, axis=-1) for part in parts)
        return ops.concatenate([forward, backward], axis=-1), state

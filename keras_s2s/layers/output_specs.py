"""The shapes of what encoder and decoder return, so that making a model traces neither of them.

Keras would find them by running both once on symbols, which takes most of the time of making or
loading a model. It does so where a class is not the library's own: its shapes may differ, and what
it makes of sublayers is only known when it runs.
"""

from __future__ import annotations

from typing import Any

import keras

from keras_s2s.layers.forks import check_not_forked
from keras_s2s.layers.saving import SavedByArguments
from keras_s2s.layers.token_ids import check_token_ids


def _is_ours(layer: Any) -> bool:
    """Whether a layer and all that it is made of are Keras' and the library's."""
    ours = ("keras", "keras_s2s")
    return all(type(one).__module__.partition(".")[0] in ours for one in layer._flatten_layers())


class EncoderSpec(SavedByArguments):
    """Base of the encoder."""

    cells: list
    num_layers: int
    units: int
    vocabulary_size: int

    def __call__(self, source: Any, *args: Any, **kwargs: Any) -> Any:
        """Check that the source is token ids; Keras would cast floats to ids without a word."""
        check_not_forked()  # Before the first weight is made.
        dtype = str(getattr(source, "dtype", "int"))
        if len(getattr(source, "shape", (0, 0))) != 2 or "float" in dtype:
            raise ValueError(
                "An Encoder reads token ids, integers [B, S]. For float features [B, S, F] give "
                f"the model an encoder of your own. Received: {dtype} {tuple(source.shape)}"
            )
        check_token_ids("source", source, self.vocabulary_size)
        return super().__call__(source, *args, **kwargs)

    def compute_output_spec(
        self, source: Any, training: bool = False, unroll: bool = False
    ) -> tuple[Any, Any, list[tuple]]:
        """Memory `[B, S, M]`, its mask `[B, S]` and the final states of the layers."""
        if not _is_ours(self):
            return super().compute_output_spec(source, training=training, unroll=unroll)
        batch, positions = source.shape
        directions = len(self.cells) // self.num_layers

        def state_of(cell: Any) -> tuple:
            return tuple(
                keras.KerasTensor((batch, directions * part.shape[-1]), part.dtype)
                for part in cell.initial_state(1)
            )

        memory = keras.KerasTensor((batch, positions, self.units), self.compute_dtype)
        memory_mask = keras.KerasTensor((batch, positions), "bool")
        return memory, memory_mask, [state_of(cell) for cell in self.cells[::directions]]


class DecoderSpec(SavedByArguments):
    """Base of the decoder."""

    vocabulary_size: int
    needs_alignment = False  # Whether `predict` reads the attention weights.

    def __call__(self, target_in: Any, *args: Any, **kwargs: Any) -> Any:
        """Check that the ids are in the vocabulary."""
        check_token_ids("target_in", target_in, self.vocabulary_size)
        return super().__call__(target_in, *args, **kwargs)

    def compute_output_spec(
        self,
        target_in: Any,
        *others: Any,
        training: bool = False,
        return_attention: bool = False,
    ) -> Any:
        """Logits `[B, T, V]`, and with `return_attention` the attention weights `[B, T, S]`."""
        check_not_forked()  # Whoever makes a model comes here.
        if not _is_ours(self):
            how = {"return_attention": True} if return_attention else {}
            return super().compute_output_spec(target_in, *others, training=training, **how)
        logits = keras.KerasTensor((*target_in.shape, self.vocabulary_size), self.compute_dtype)
        if not return_attention:
            return logits
        memory = others[1]
        shape = (*target_in.shape, memory.shape[1])
        return logits, keras.KerasTensor(shape, self.compute_dtype)

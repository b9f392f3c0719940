"""The attention weights of the beam search's results, which are collected only where asked for.

Beams part ways and end, so the weights of every step are kept as they came, with what leads from a
token of a result back to its row. R results, T the room for tokens.
"""

from __future__ import annotations

from typing import NamedTuple

from keras import ops

from keras_s2s.search.inputs import SearchInputs, Tensor
from keras_s2s.search.rows import continue_histories


class AttentionHistory(NamedTuple):
    """The attention weights of the steps so far; empty unless they are asked for."""

    weights: Tensor | None  # float32 [T, B * K, S]: of every step
    origins: Tensor | None  # int32 [B, R + K, T]: history that each token continued

    @classmethod
    def first(cls, inputs: SearchInputs, n_best: int, beam_size: int) -> AttentionHistory:
        """The history before the first step."""
        if not inputs.return_weights:
            return cls(None, None)
        rows = inputs.batch_size * beam_size
        source_length = ops.shape(inputs.source_mask)[1]
        histories = (inputs.batch_size, n_best + beam_size, inputs.capacity)
        return cls(
            weights=ops.zeros((inputs.capacity, rows, source_length), dtype="float32"),
            origins=ops.zeros(histories, dtype="int32"),
        )

    def add(self, weights: Tensor, sources: Tensor, step: Tensor) -> AttentionHistory:
        """The history with one more step.

        Args:
            weights: Attention weights of the step, float `[B * K, S]`.
            sources: int32 `[B, R + K]`: which of the last step's histories each continues.
            step: int32 `[]`, from 0.
        """
        if self.weights is None:
            return self
        now = ops.reshape(step, (1, 1))
        return AttentionHistory(
            ops.scatter_update(self.weights, now, ops.cast(weights, "float32")[None]),
            continue_histories(self.origins, sources, sources, step),
        )

    def take(self, sentences: Tensor, rows: Tensor) -> AttentionHistory:
        """The history of some sentences alone, int32 `[M]`; their rows are int32 `[M * K]`."""
        if self.weights is None:
            return self
        return AttentionHistory(
            ops.take(self.weights, rows, axis=1), ops.take(self.origins, sentences, axis=0)
        )

    def of_results(self, lengths: Tensor, beam_size: int) -> Tensor | None:
        """Collect the attention weights of the results.

        Args:
            lengths: Tokens of each result, int32 `[B, R]`.
            beam_size: K.

        Returns:
            float32 `[B, R, T, S]`, 0 after the end; None where the history is empty.
        """
        if self.origins is None:
            return None
        capacity, row_count, source_length = ops.shape(self.weights)
        n_best = lengths.shape[1]
        times = ops.arange(capacity, dtype="int32")  # [T]
        rows = ops.arange(0, row_count, beam_size, dtype="int32")[:, None, None]
        beams = self.origins[:, :n_best] - n_best
        is_token = times < lengths[..., None]  # [B, R, T]
        indices = ops.where(is_token, times * row_count + rows + beams, 0)
        weights = ops.take(ops.reshape(self.weights, (-1, source_length)), indices, axis=0)
        return ops.where(is_token[..., None], weights, 0.0)

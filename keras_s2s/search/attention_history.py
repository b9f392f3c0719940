"""The attention weights of the beam search's results, which are collected only where asked for.

Beams part ways and end, so the weights of every step are kept as they came, with what leads from a
token of a result back to its row. R results, T the room for tokens.
"""

from typing import NamedTuple

from keras import ops

from keras_s2s.search.inputs import SearchInputs, Tensor
from keras_s2s.search.rows import continue_histories


class AttentionHistory(NamedTuple):
    """The attention weights of the steps so far."""

    weights: Tensor  # float32 [T, B * K, S]: of every step
    origins: Tensor  # int32 [B, R + K, T]: history that each token continued


def first_attention(inputs: SearchInputs, n_best: int, beam_size: int) -> AttentionHistory | None:
    """The history before the first step; None unless weights are asked for."""
    if not inputs.return_weights:
        return None
    source_length = ops.shape(inputs.source_mask)[1]
    rows = inputs.batch_size * beam_size
    return AttentionHistory(
        weights=ops.zeros((inputs.capacity, rows, source_length), dtype="float32"),
        origins=ops.zeros((inputs.batch_size, n_best + beam_size, inputs.capacity), dtype="int32"),
    )


def add_attention(
    history: AttentionHistory | None, weights: Tensor, sources: Tensor, step: Tensor
) -> AttentionHistory | None:
    """The history with one more step.

    Args:
        history: The one so far.
        weights: Attention weights of the step, float `[B * K, S]`.
        sources: int32 `[B, R + K]`: which of the last step's histories each continues.
        step: int32 `[]`, from 0.
    """
    if history is None:
        return None
    now = ops.reshape(step, (1, 1))
    return AttentionHistory(
        ops.scatter_update(history.weights, now, ops.cast(weights, "float32")[None]),
        continue_histories(history.origins, sources, sources, step),
    )


def take_attention(
    history: AttentionHistory | None, sentences: Tensor, rows: Tensor
) -> AttentionHistory | None:
    """The history of some sentences alone, int32 `[M]`; their rows are int32 `[M * K]`."""
    if history is None:
        return None
    return AttentionHistory(
        ops.take(history.weights, rows, axis=1), ops.take(history.origins, sentences, axis=0)
    )


def attention_of_results(
    history: AttentionHistory | None, lengths: Tensor, beam_size: int
) -> Tensor | None:
    """Collect the attention weights of the results.

    Args:
        history: That of all steps.
        lengths: Tokens of each result, int32 `[B, R]`.
        beam_size: K.

    Returns:
        float32 `[B, R, T, S]`, 0 after the end; None where there is no history.
    """
    if history is None:
        return None
    capacity, row_count, source_length = ops.shape(history.weights)
    n_best = lengths.shape[1]
    times = ops.arange(capacity, dtype="int32")  # [T]
    rows = ops.arange(0, row_count, beam_size, dtype="int32")[:, None, None]
    beams = history.origins[:, :n_best] - n_best
    is_token = times < lengths[..., None]  # [B, R, T]
    indices = ops.where(is_token, times * row_count + rows + beams, 0)
    weights = ops.take(ops.reshape(history.weights, (-1, source_length)), indices, axis=0)
    return ops.where(is_token[..., None], weights, 0.0)

"""The most likely next tokens of a row, and what else searches do with rows.

C is a number of candidates; the other letters are those of the package.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Any

from keras import ops

from keras_s2s.search.inputs import NEVER, Tensor
from keras_s2s.search.structure import map_tensors

_CHUNK = 64  # Tokens: 32 to 128 were equally fast on a CPU, 200 slower.


def repeat_rows(tensors: Any, count: int) -> Any:
    """Repeat every row `count` times, a row's copies together: `[B, ...]` to `[B * count, ...]`.

    Args:
        tensors: any nested structure of tensors.
        count: copies of each row.

    Returns:
        The same structure with the rows repeated.

    Example:
        >>> from keras import ops
        >>> ops.convert_to_numpy(repeat_rows(ops.array([4, 5]), 2)).tolist()
        [4, 4, 5, 5]
    """
    if count == 1:
        return tensors
    return map_tensors(lambda tensor: ops.repeat(tensor, count, axis=0), tensors)


def take_rows(array: Tensor, index: Tensor) -> Tensor:
    """Take entries of each row by that row's own index.

    Args:
        array: `[N, M, ...]`; M is static.
        index: int32 `[N, C]`, entries from 0 to M - 1.

    Returns:
        `[N, C, ...]`, where `result[n, c] = array[n, index[n, c]]`.
    """
    row_count, size, *entry = ops.shape(array)
    flat_index = index + size * ops.arange(row_count, dtype="int32")[:, None]
    return ops.take(ops.reshape(array, (-1, *entry)), flat_index, axis=0)


def top_values(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return what `keras.ops.top_k` returns, ties included, but faster on long rows.

    An entry among the best `count` lies in one of the `count` chunks with the largest maxima, so
    only these are searched. They stay in the order of the row, so that the lower index wins a tie.

    Args:
        values: float `[N, V]`.
        count: how many values, from 1 to V.

    Returns:
        The largest values in falling order, `[N, count]`, and their indices, int32 `[N, count]`.
    """
    size = values.shape[-1]
    if size <= 4 * count * _CHUNK:
        return ops.top_k(values, count)
    padding = -size % _CHUNK
    if padding:
        values = ops.pad(values, ((0, 0), (0, padding)), constant_values=NEVER)
    chunks = ops.reshape(values, (-1, (size + padding) // _CHUNK, _CHUNK))
    _, best_chunks = ops.top_k(ops.max(chunks, axis=-1), count)
    best_chunks = ops.sort(best_chunks, axis=-1)
    near = ops.reshape(take_rows(chunks, best_chunks), (-1, count * _CHUNK))
    best_values, indices = ops.top_k(near, count)
    return best_values, take_rows(best_chunks, indices // _CHUNK) * _CHUNK + indices % _CHUNK


def best_tokens(logits: Tensor, count: int, forbidden_ids: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Return the most likely tokens that are allowed.

    Args:
        logits: float `[N, V]`.
        count: how many tokens.
        forbidden_ids: tokens never to choose. They keep their share of the probability, so the
            log-probabilities are the model's own.

    Returns:
        Log-probabilities in falling order, float32 `[N, C]`, and their tokens, int32 `[N, C]`;
        C is `count`, or V where that is smaller. Entries beyond the allowed tokens are -inf.
    """
    logits = ops.cast(logits, "float32")
    width = min(count + len(forbidden_ids), logits.shape[-1])
    values, tokens = top_values(logits, width)
    log_probabilities = values - log_normalizer(logits, values[:, :1])
    log_probabilities = ops.where(is_any_of(tokens, forbidden_ids), NEVER, log_probabilities)
    log_probabilities, indices = ops.top_k(log_probabilities, min(count, width))
    return log_probabilities, take_rows(tokens, indices)


def is_any_of(tokens: Tensor, ids: Sequence[int]) -> Tensor:
    """Return which tokens are among some ids."""
    return reduce(ops.logical_or, [ops.equal(tokens, identity) for identity in ids])


def log_normalizer(logits: Tensor, largest: Tensor) -> Tensor:
    """Return log(sum(exp(logits))) `[N, 1]`, given the largest logit of each row `[N, 1]`.

    The likeliest token has probability exp(largest) / sum. This reads the vocabulary less often
    than a log-sum-exp does: two thirds of its time on a CPU.
    """
    return largest - ops.log(ops.max(ops.softmax(logits), axis=-1, keepdims=True))

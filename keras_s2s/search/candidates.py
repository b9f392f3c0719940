"""The next tokens, chosen by logits: the most likely ones of a row, or one drawn at random.

C is a number of candidates; the other letters are those of the package.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Any

from keras import ops, tree

from keras_s2s.search.inputs import NEVER, Tensor
from keras_s2s.search.strategies import Sample

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
    return tree.map_structure(lambda tensor: ops.repeat(tensor, count, axis=0), tensors)


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
    best_values, places = ops.top_k(near, count)
    return best_values, take_rows(best_chunks, places // _CHUNK) * _CHUNK + places % _CHUNK


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
    log_probabilities = values - _log_normalizer(logits, values[:, :1])
    log_probabilities = ops.where(_is_any_of(tokens, forbidden_ids), NEVER, log_probabilities)
    log_probabilities, places = ops.top_k(log_probabilities, min(count, width))
    return log_probabilities, take_rows(tokens, places)


def sampled_tokens(
    logits: Tensor, numbers: Tensor, search: Sample, forbidden_ids: Sequence[int]
) -> tuple[Tensor, Tensor]:
    """Draw one token a row by inverting the cumulative distribution at a given number.

    Args:
        logits: float `[N, V]`.
        numbers: float32 `[N]`, uniform in [0, 1).
        search: temperature and cuts; its seed has made the numbers.
        forbidden_ids: tokens never to choose.

    Returns:
        The model's own log-probabilities of the tokens, float32 `[N]`, and the tokens, int32 `[N]`.
    """
    logits = ops.cast(logits, "float32")
    size = logits.shape[-1]
    is_forbidden = _is_any_of(ops.arange(size, dtype="int32"), forbidden_ids)
    values = ops.where(is_forbidden, NEVER, logits)
    tokens = None
    if search.top_k or search.top_p < 1.0:
        values, tokens = top_values(values, min(search.top_k or size, size))
    weights = ops.exp((values - ops.max(values, axis=-1, keepdims=True)) / search.temperature)
    if search.top_p < 1.0:
        weight_before = ops.cumsum(weights, axis=-1) - weights
        is_kept = weight_before < search.top_p * ops.sum(weights, axis=-1, keepdims=True)
        weights = ops.where(is_kept, weights, 0.0)
    places = _inverse_cumulative(weights, numbers)
    chosen = places if tokens is None else take_rows(tokens, places[:, None])[:, 0]
    largest = ops.max(logits, axis=-1, keepdims=True)
    log_probabilities = take_rows(logits, chosen[:, None]) - _log_normalizer(logits, largest)
    return log_probabilities[:, 0], chosen


def uniform_numbers(seed: int | Tensor, row_ids: Tensor, count: int | Tensor) -> Tensor:
    """Return uniform numbers, each a function of (seed, row id, position) and of nothing else.

    `keras.random` draws a whole tensor from one seed, so that the numbers of a row depend on its
    position in the batch; those of a hash of integers do not.

    Args:
        seed: integer from 0 to 2**32 - 1.
        row_ids: int32 `[B]`.
        count: how many numbers for each row.

    Returns:
        float32 `[B, count]` in [0, 1), in steps of 2**-24.

    Source: Jarzynski and Olano 2020, "Hash functions for GPU rendering", function `pcg3d`.
    """
    x = ops.cast(row_ids, "uint32")[:, None]
    y = ops.cast(ops.arange(count, dtype="int32"), "uint32")[None, :]
    z = ops.convert_to_tensor(seed, dtype="uint32")
    x, y, z = (part * 1664525 + 1013904223 for part in (x, y, z))
    x = x + y * z
    y = y + z * x
    z = z + x * y
    x, y, z = (ops.bitwise_xor(part, ops.bitwise_right_shift(part, 16)) for part in (x, y, z))
    x = x + y * z
    return ops.cast(ops.bitwise_right_shift(x, 8), "float32") * 2.0**-24


def _inverse_cumulative(weights: Tensor, numbers: Tensor) -> Tensor:
    """Return the first place of each row whose cumulative weight exceeds that share of the sum.

    Backends sum in different orders, so a cumulative sum may fall by a rounding error; a place
    without weight is never chosen all the same, and a place with weight is always found.
    """
    size = weights.shape[-1]
    cumulative = ops.cumsum(weights, axis=-1)
    has_weight = weights > 0.0
    reach = ops.max(ops.where(has_weight, cumulative, 0.0), axis=-1, keepdims=True)
    is_beyond = ops.logical_and(has_weight, cumulative > numbers[:, None] * reach)
    places = ops.where(is_beyond, ops.arange(size, dtype="int32"), size - 1)
    return ops.min(places, axis=-1)


def _is_any_of(tokens: Tensor, ids: Sequence[int]) -> Tensor:
    return reduce(ops.logical_or, [ops.equal(tokens, identity) for identity in ids])


def _log_normalizer(logits: Tensor, largest: Tensor) -> Tensor:
    """Return log(sum(exp(logits))) `[N, 1]`, given the largest logit of each row `[N, 1]`.

    The likeliest token has probability exp(largest) / sum. This reads the vocabulary less often
    than a log-sum-exp does: two thirds of its time on a CPU.
    """
    return largest - ops.log(ops.max(ops.softmax(logits), axis=-1, keepdims=True))

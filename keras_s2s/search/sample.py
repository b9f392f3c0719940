"""Sampling over a step function: every token is drawn from the distribution of the model."""

from collections.abc import Sequence
from functools import partial
from numbers import Integral
from typing import Any

from keras import ops

from keras_s2s.search.candidates import is_any_of, log_normalizer
from keras_s2s.search.constrain import constrained, is_constrained
from keras_s2s.search.input_checks import checked_step, search_inputs
from keras_s2s.search.inputs import NEVER, Fixed, SearchInputs, SearchResult, StepFunction, Tensor
from keras_s2s.search.rows import repeat_rows, take_rows
from keras_s2s.search.sample_strategy import Sample
from keras_s2s.search.single import RowState, run_rows
from keras_s2s.search.strategy_checks import check_strategy
from keras_s2s.search.structure import map_tensors
from keras_s2s.search.top_values import top_values

GOLDEN = 1_327_217_885  # The golden ratio's fraction times 2**31, an odd number.


def sample_search(
    step: StepFunction,
    state: Any,
    batch_size: int | Tensor,
    search: Sample = Sample(),
    *,
    maximum_length: int | Tensor,
    n_best: int = 1,
    prefix_ids: Tensor | None = None,
    row_ids: Tensor | None = None,
    capacity: int | None = None,
    start_id: int = 2,
    end_id: int = 3,
    pad_id: int = 0,
    forbidden_ids: Sequence[int] = (),
    source_mask: Tensor | None = None,
    return_weights: bool = False,
    constants: tuple | None = None,
) -> SearchResult:
    """Draw every token from the model's distribution, sharpened or truncated as `search` says.

    What a row draws is a function of the seed, its row id and its own logits: it is the same in any
    batch. The first samples of a row are the same however many there are.

    Args:
        step: as in `greedy_search`, like all arguments that are not described here, but called with
            N = B * n_best rows, those of a sentence together.
        state: its first state.
        batch_size: B.
        search: temperature, cuts, seed and constraints, see `Sample`; the seed may be a scalar
            integer tensor.
        maximum_length: longest hypothesis in tokens.
        n_best: samples of each row, drawn independently of each other; equal ones may be among
            them.
        prefix_ids: as in `greedy_search`.
        row_ids: int32 `[B]`, which tell rows apart; 0 to B - 1 by default.
        capacity: T.
        start_id: start mark.
        end_id: end mark.
        pad_id: padding.
        forbidden_ids: more tokens never to choose.
        source_mask: bool `[B, S]`.
        return_weights: whether to return the attention weights.
        constants: as in `greedy_search`.

    Returns:
        A `SearchResult` with K = n_best, in the order of drawing, scored by the model's own
        log-probability, whatever the temperature; with a repetition penalty by the penalized one.

    Raises:
        ValueError: An argument is out of range, or the step returns no weights though asked for.
        TypeError: The step is not callable.

    Example:
        >>> from keras import ops
        >>> def step(token, state):  # Tokens 4 and 5 are equally likely, whatever came before.
        ...     return ops.log([[1e-9, 1e-9, 1e-9, 1e-9, 0.5, 0.5]]), state, None
        >>> ids = sample_search(step, (), 1, Sample(seed=1), maximum_length=6).ids
        >>> sorted(set(ops.convert_to_numpy(ids).ravel().tolist()))
        [4, 5]

    Source: Fan et al. 2018, section 5.1 (top-k); Holtzman et al. 2020, section 3.1 (top-p).
    """
    check_strategy(search, n_best)
    row_ids = sample_ids(ops.arange(batch_size) if row_ids is None else row_ids, n_best)  # [B * K]
    limits = None if isinstance(maximum_length, Integral) else maximum_length
    of_rows = state, constants, source_mask, prefix_ids, limits
    state, constants, source_mask, prefix_ids, limits = repeat_rows(of_rows, n_best)
    inputs = search_inputs(
        batch_size=batch_size * n_best,
        maximum_length=maximum_length if limits is None else limits,
        capacity=capacity,
        start_id=start_id,
        end_id=end_id,
        pad_id=pad_id,
        forbidden_ids=forbidden_ids,
        source_mask=source_mask,
        return_weights=return_weights,
        constants=constants,
        constraints=search.constraints,
        prefix_ids=prefix_ids,
    )
    found = _draw(checked_step(step, state, inputs), state, search, row_ids, inputs)
    return map_tensors(partial(_by_row, batch_size=batch_size, n_best=n_best), found)


def _by_row(values: Tensor, batch_size: int | Tensor, n_best: int) -> Tensor:
    """What was found for all samples, `[B * K, 1, ...]`, as `[B, K, ...]`."""
    return ops.reshape(values, (batch_size, n_best, *ops.shape(values)[2:]))


def _draw(
    step: StepFunction, state: Any, search: Sample, row_ids: Tensor, inputs: SearchInputs
) -> SearchResult:
    """One sample of each row."""
    numbers = uniform_numbers(search.seed, row_ids, inputs.capacity)  # [B * K, T]
    choose = partial(_choose, search=search, inputs=inputs)
    return SearchResult(*run_rows(step, state, choose, inputs, numbers))


def _choose(
    logits: Tensor, rows: RowState, fixed: Fixed, *, search: Sample, inputs: SearchInputs
) -> tuple[Tensor, Tensor]:
    numbers = ops.take(fixed.numbers, rows.step, axis=1)
    if not is_constrained(inputs):
        return sampled_tokens(logits, numbers, search, inputs.never_chosen)
    values = constrained(logits, rows.ids[:, None], rows.step, fixed, inputs)
    chosen = _drawn(values, numbers, search)
    return take_rows(values, chosen[:, None])[:, 0], chosen


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
    is_forbidden = is_any_of(ops.arange(size, dtype="int32"), forbidden_ids)
    chosen = _drawn(ops.where(is_forbidden, NEVER, logits), numbers, search)
    largest = ops.max(logits, axis=-1, keepdims=True)
    log_probabilities = take_rows(logits, chosen[:, None]) - log_normalizer(logits, largest)
    return log_probabilities[:, 0], chosen


def _drawn(values: Tensor, numbers: Tensor, search: Sample) -> Tensor:
    """Draw one token a row, int32 `[N]`, from logits in which what is forbidden is -inf."""
    size = values.shape[-1]
    tokens = None
    if search.top_k or search.top_p < 1.0:
        values, tokens = top_values(values, min(search.top_k or size, size))
    weights = ops.exp((values - ops.max(values, axis=-1, keepdims=True)) / search.temperature)
    if search.top_p < 1.0:
        weight_before = ops.cumsum(weights, axis=-1) - weights
        is_kept = weight_before < search.top_p * ops.sum(weights, axis=-1, keepdims=True)
        weights = ops.where(is_kept, weights, 0.0)
    indices = _inverse_cumulative(weights, numbers)
    return indices if tokens is None else take_rows(tokens, indices[:, None])[:, 0]


def sample_ids(row_ids: Tensor, count: int) -> Tensor:
    """Return ids that tell the samples of each row apart; that of the first is the row's own.

    The multiples of the golden ratio are spread evenly (Knuth, The Art of Computer Programming 3,
    section 6.4): with 1,000 samples, rows less than 970,000 apart share no id.

    Args:
        row_ids: int32 `[B]`.
        count: K, how many samples of each row.

    Returns:
        int32 `[B * K]`, those of a row together.
    """
    steps = [number * GOLDEN % 2**31 for number in range(count)]
    ids = ops.cast(row_ids, "uint32")[:, None] + ops.convert_to_tensor(steps, dtype="uint32")
    ids = ops.bitwise_and(ids, ops.convert_to_tensor(2**31 - 1, dtype="uint32"))
    return ops.reshape(ops.cast(ids, "int32"), (-1,))


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
    indices = ops.where(is_beyond, ops.arange(size, dtype="int32"), size - 1)
    return ops.min(indices, axis=-1)

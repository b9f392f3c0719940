"""Greedy search, beam search and sampling over a step function; they know no model.

A step function takes the last token of N rows, int32 `[N]`, and a state, any nested structure of
tensors `[N, ...]`. It returns logits `[N, V]`, the next state of the same structure, and attention
weights `[N, S]` or None. What stays the same from step to step, such as the memory, is in its
closure or in `constants`. All searches run as one loop in the graph and stop when every row has
ended; call them within `tf.function` or `jax.jit`. A row's result depends on that row alone.

With `constants`, in a graph whose batch size is not known beforehand, rows that have ended are
dropped on the way: the loop then lives inside another, which makes the batch smaller.
"""

from collections.abc import Sequence
from typing import Any

from keras import ops

from keras_s2s.search.beam import run_beams
from keras_s2s.search.candidates import (
    best_tokens,
    repeat_rows,
    sampled_tokens,
    uniform_numbers,
)
from keras_s2s.search.options import (
    BeamOptions,
    SearchOptions,
    SearchResult,
    StepFunction,
    Tensor,
    check_sampling,
)
from keras_s2s.search.single import run_rows

__all__ = [
    "SearchResult",
    "StepFunction",
    "beam_search",
    "greedy_search",
    "repeat_rows",
    "sample_search",
]


def greedy_search(
    step: StepFunction,
    state: Any,
    batch_size: int | Tensor,
    *,
    maximum_length: int | Tensor,
    capacity: int | None = None,
    start_id: int = 2,
    end_id: int = 3,
    pad_id: int = 0,
    forbidden_ids: Sequence[int] = (),
    source_mask: Tensor | None = None,
    return_weights: bool = False,
    constants: tuple | None = None,
) -> SearchResult:
    """Take the most likely token at every step.

    Args:
        step: step function, called with N = B rows.
        state: its first state, tensors `[B, ...]`.
        batch_size: B, an integer or an int32 scalar tensor.
        maximum_length: longest hypothesis in tokens, end mark included: an integer, or int32 `[B]`
            with a limit for each row. A row with limit 0 gets no hypothesis.
        capacity: T, room in the results in tokens; the largest limit by default. An integer is
            needed where shapes must be known, as in `jax.jit`.
        start_id: start mark, fed first and never chosen.
        end_id: end mark.
        pad_id: padding, never chosen.
        forbidden_ids: more tokens never to choose. They keep their share of the probability.
        source_mask: bool `[B, S]`, True = real; needed for `return_weights`.
        return_weights: whether to return the attention weights.
        constants: nested structure of tensors `[B, ...]` that every step reads; each is called as
            `step(token, state, *constants)`. None where the step's closure holds them.

    Returns:
        A `SearchResult` with K = 1, scored by log-probability.

    Raises:
        ValueError: An argument is out of range, or the step returns no weights though asked for.
        TypeError: The step is not callable.

    Example:
        >>> from keras import ops
        >>> following = ops.array([0, 0, 4, 0, 5, 3])  # start, then 4, 5 and the end mark
        >>> def step(token, state):
        ...     return 9.0 * ops.one_hot(ops.take(following, token), 6), state, None
        >>> ops.convert_to_numpy(greedy_search(step, (), 1, maximum_length=4).ids).tolist()
        [[[4, 5, 3, 0]]]
    """
    options = SearchOptions(
        batch_size=batch_size,
        maximum_length=maximum_length,
        capacity=capacity,
        start_id=start_id,
        end_id=end_id,
        pad_id=pad_id,
        forbidden_ids=forbidden_ids,
        source_mask=source_mask,
        return_weights=return_weights,
        constants=constants,
    )

    def choose(logits: Tensor, *_: Tensor) -> tuple[Tensor, Tensor]:
        log_probabilities, tokens = best_tokens(logits, 1, options.never_chosen)
        return log_probabilities[:, 0], tokens[:, 0]

    return SearchResult(*run_rows(step, state, choose, options))


def sample_search(
    step: StepFunction,
    state: Any,
    batch_size: int | Tensor,
    *,
    seed: int | Tensor,
    maximum_length: int | Tensor,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
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
    """Draw every token from the model's distribution, sharpened or cut at will.

    What a row draws is a function of the seed, its row id and its own logits: the same in any
    batch. `top_p` without `top_k` sorts the whole vocabulary at every step; give both for speed.

    Args:
        step: as in `greedy_search`, like all arguments that are not listed here.
        state: its first state.
        batch_size: B.
        seed: integer from 0 to 2**32 - 1, or a scalar integer tensor, which needs no new trace.
        maximum_length: longest hypothesis in tokens.
        temperature: divides the logits; below 1 sharpens, above 1 flattens.
        top_k: draw from this many most likely tokens only; 0 for all.
        top_p: of these, draw from the smallest set with at least this share of their probability.
        row_ids: int32 `[B]`, what tells rows apart; 0 to B - 1 by default.
        capacity: T.
        start_id: start mark.
        end_id: end mark.
        pad_id: padding.
        forbidden_ids: more tokens never to choose.
        source_mask: bool `[B, S]`.
        return_weights: whether to return the attention weights.
        constants: as in `greedy_search`.

    Returns:
        A `SearchResult` with K = 1, scored by the model's own log-probability.

    Raises:
        ValueError: An argument is out of range, or the step returns no weights though asked for.
        TypeError: The step is not callable.

    Example:
        >>> from keras import ops
        >>> def step(token, state):  # Tokens 4 and 5 are equally likely, whatever came before.
        ...     return ops.log([[1e-9, 1e-9, 1e-9, 1e-9, 0.5, 0.5]]), state, None
        >>> ids = sample_search(step, (), 1, seed=1, maximum_length=6).ids
        >>> sorted(set(ops.convert_to_numpy(ids).ravel().tolist()))
        [4, 5]

    Source: Fan et al. 2018, section 5.1 (top-k); Holtzman et al. 2020, section 3.1 (top-p).
    """
    check_sampling(seed, temperature, top_k, top_p)
    options = SearchOptions(
        batch_size=batch_size,
        maximum_length=maximum_length,
        capacity=capacity,
        start_id=start_id,
        end_id=end_id,
        pad_id=pad_id,
        forbidden_ids=forbidden_ids,
        source_mask=source_mask,
        return_weights=return_weights,
        constants=constants,
    )
    row_ids = ops.arange(batch_size, dtype="int32") if row_ids is None else row_ids
    numbers = uniform_numbers(seed, row_ids, options.capacity)  # [B, T]

    def choose(logits: Tensor, now: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
        return sampled_tokens(
            logits,
            ops.take(numbers, now, axis=1),
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            forbidden_ids=options.never_chosen,
        )

    return SearchResult(*run_rows(step, state, choose, options, numbers))


def beam_search(
    step: StepFunction,
    state: Any,
    batch_size: int | Tensor,
    *,
    beam_size: int,
    maximum_length: int | Tensor,
    n_best: int = 1,
    length_penalty: float = 0.6,
    coverage_penalty: float = 0.0,
    patience: float = 1.0,
    capacity: int | None = None,
    start_id: int = 2,
    end_id: int = 3,
    pad_id: int = 0,
    forbidden_ids: Sequence[int] = (),
    source_mask: Tensor | None = None,
    return_weights: bool = False,
    constants: tuple | None = None,
) -> SearchResult:
    """Follow the K best beginnings of every row and return its best hypotheses.

    A hypothesis Y with attention weights p[j, i] of token j to source position i scores::

        log P(Y) / ((5 + |Y|) / 6) ** length_penalty
            + coverage_penalty * sum_i log(min(sum_j p[j, i], 1))

    where |Y| counts the end mark and an attention sum below 1e-10 counts as 1e-10. A beginning that
    takes the end mark among the K best continuations becomes a result; K live ones go on. A row is
    done at its limit, or when no live beginning can still overtake the last result, or when
    `patience * K` hypotheses have ended and no live beginning is ahead of the last result now.
    Hypotheses cut off at the limit are results only if none has ended.

    Args:
        step: as in `greedy_search`, but called with N = B * K rows, those of a sentence together:
            what it encloses must be repeated by `repeat_rows(memory, beam_size)`.
        state: its first state, tensors `[B, ...]`; the search repeats and reorders it.
        batch_size: B; this and all arguments that are not listed here as in `greedy_search`.
        beam_size: K. With 1 and the default patience, this is the greedy search.
        maximum_length: longest hypothesis in tokens.
        n_best: results for each row, at most K.
        length_penalty: 0 for none; higher favours longer hypotheses.
        coverage_penalty: 0 for none; higher favours those that attend to the whole source.
        patience: at least 1; `math.inf` searches on for as long as any result could improve, so
            that stopping early changes nothing.
        capacity: T.
        start_id: start mark.
        end_id: end mark.
        pad_id: padding.
        forbidden_ids: more tokens never to choose.
        source_mask: bool `[B, S]`, True = real; needed for `coverage_penalty` and `return_weights`.
        return_weights: whether to return the attention weights.
        constants: as in `greedy_search`, `[B, ...]`; the search repeats them.

    Returns:
        A `SearchResult` with `n_best` hypotheses for each row, all different.

    Raises:
        ValueError: An argument is out of range, or the step returns no weights though needed.
        TypeError: The step is not callable.

    Example:
        >>> from keras import ops
        >>> following = ops.array([0, 0, 4, 0, 5, 3])  # start, then 4, 5 and the end mark
        >>> def step(token, state):
        ...     return 9.0 * ops.one_hot(ops.take(following, token), 6), state, None
        >>> result = beam_search(step, (), 1, beam_size=2, maximum_length=4)
        >>> ops.convert_to_numpy(result.ids).tolist()
        [[[4, 5, 3, 0]]]

    Source: Wu et al. 2016, eq. 14 (scores); Kasai et al. 2022, "A call for clarity in beam search"
    (patience; there the number of ended hypotheses alone decides).
    """
    options = BeamOptions(
        beam_size=beam_size,
        n_best=n_best,
        length_penalty=length_penalty,
        coverage_penalty=coverage_penalty,
        patience=patience,
        batch_size=batch_size,
        maximum_length=maximum_length,
        capacity=capacity,
        start_id=start_id,
        end_id=end_id,
        pad_id=pad_id,
        forbidden_ids=forbidden_ids,
        source_mask=source_mask,
        return_weights=return_weights,
        constants=constants,
    )
    return SearchResult(*run_beams(step, state, options))

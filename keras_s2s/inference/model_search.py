"""The way from source ids to target ids through a model: encode, search, in tensors alone."""

from __future__ import annotations

from typing import Any

from keras import ops

from keras_s2s.search.beam import beam_search
from keras_s2s.search.greedy import greedy_search
from keras_s2s.search.inputs import SearchResult
from keras_s2s.search.sample import sample_search
from keras_s2s.search.sample_strategy import Sample
from keras_s2s.search.strategies import Beam, Greedy, Strategy
from keras_s2s.search.strategy_checks import check_strategy


def run_search(
    model: Any,
    source: Any,
    limits: Any,
    search: Strategy = Greedy(),
    *,
    n_best: int = 1,
    return_weights: bool = False,
    row_ids: Any = None,
    weights: Any = None,
    prefix_ids: Any = None,
) -> SearchResult:
    """Encode a batch and search.

    Args:
        model: A `Seq2Seq`, or an `Ensemble`.
        source: int32 `[B, S]`, each row with its end mark, padded with 0.
        limits: int32 `[B]`: longest hypothesis of each row in tokens, end mark included.
        search: The strategy; the seed of a `Sample` may be a tensor, and a beam of one is the
            greedy search.
        n_best: Number of hypotheses, at most the beam size; with sampling any number.
        return_weights: Whether to return attention weights.
        row_ids: int32 `[B]`, which tell rows apart when sampling; 0 to B - 1 by default.
        weights: `model.decoder.step_weights()`, made once for many batches; `None` to make them.
        prefix_ids: int32 `[B, P]`: what the hypotheses of each row begin with, padded with 0.

    Returns:
        What was found.

    Raises:
        TypeError: `search` is no strategy.
        ValueError: `n_best` is out of range, or weights are asked of a model without attention.
    """
    check_strategy(search, n_best)
    decoder = model.decoder
    memory, memory_mask, encoder_state = model.encoder(source, training=False)
    constants: tuple = ()
    if decoder.attention is not None:
        constants = (decoder.attention.project(memory), memory, memory_mask)
    made = decoder.step_weights() if weights is None else weights

    def step(token: Any, state: Any, *constants: Any) -> Any:
        return decoder.step(token, state, *constants, weights=made)

    start = (step, decoder.initial_state(encoder_state, memory), ops.shape(source)[0])
    common = {
        "maximum_length": limits,
        "prefix_ids": prefix_ids,
        "return_weights": return_weights,
        "constants": constants,
        "source_mask": None if decoder.attention is None else memory_mask,
    }
    if isinstance(search, Sample):
        return sample_search(*start, search, row_ids=row_ids, n_best=n_best, **common)
    if isinstance(search, Beam) and search.beam_size > 1:
        return beam_search(*start, search, n_best=n_best, **common)
    return greedy_search(*start, Greedy(search.constraints), **common)

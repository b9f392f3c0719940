"""The way from source ids to target ids through a model: encode, search, in tensors alone."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from keras import ops

from keras_s2s.search.options import check_sampling
from keras_s2s.search.search import (
    SearchResult,
    beam_search,
    greedy_search,
    sample_search,
)

MOST = 1_000_000  # Beams, texts or tokens.
LARGEST = 1e30  # Of a penalty.


class Sampling(NamedTuple):
    """How answers are drawn in place of searched for, see `sample_search`.

    Attributes:
        seed: From 0 to 2**32 - 1; the same seed draws the same answers.
        temperature: Divides the logits; below 1 sharpens, above 1 flattens.
        top_k: Draw from this many most likely tokens only; 0 for all.
        top_p: Draw from the smallest set of tokens with at least this probability.
    """

    seed: int
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0


class SearchRequest(NamedTuple):
    """What is asked of a search; the fields are arguments of `run_search`."""

    beam_size: int = 1
    n_best: int = 1
    length_penalty: float = 1.0
    coverage_penalty: float = 0.0
    return_weights: bool = False
    sampling: Sampling | None = None

    def check(self, model: Any) -> None:
        """Raise the error that says what cannot be done with a model."""
        check_whole(1, beam_size=self.beam_size, n_best=self.n_best)
        check_at_least(
            0, length_penalty=self.length_penalty, coverage_penalty=self.coverage_penalty
        )
        if self.sampling is not None and not isinstance(self.sampling, Sampling):
            raise TypeError(f"`sampling` must be a Sampling. Received: sampling={self.sampling!r}")
        if self.sampling is not None:
            check_sampling(*self.sampling)
        if self.n_best > (self.beam_size if self.sampling is None else 1):
            raise ValueError(
                "`n_best` can be at most `beam_size`, and 1 with sampling. "
                f"Received: n_best={self.n_best}, beam_size={self.beam_size}"
            )
        if model.decoder.attention is None and (self.return_weights or self.coverage_penalty):
            raise ValueError(
                "A model without attention has none to show, and no coverage to reward. Received: "
                f"attention={self.return_weights}, coverage_penalty={self.coverage_penalty}"
            )


def run_search(
    model: Any,
    source: Any,
    limits: Any,
    *,
    beam_size: int = 1,
    n_best: int = 1,
    length_penalty: float = 1.0,
    coverage_penalty: float = 0.0,
    return_weights: bool = False,
    sampling: Sampling | None = None,
    row_ids: Any = None,
    weights: Any = None,
) -> SearchResult:
    """Encode a batch and search.

    Args:
        model: A `Seq2Seq`, or an `Ensemble`.
        source: int32 `[B, S]`, each row with its end mark, padded with 0.
        limits: int32 `[B]`: longest answer of each row in tokens, end mark included.
        beam_size: Width of the beam; 1 is greedy.
        n_best: Number of answers, at most `beam_size`.
        length_penalty: Of `beam_search`.
        coverage_penalty: Of `beam_search`.
        return_weights: Whether to return attention weights.
        sampling: Draw the answers instead; its seed may be a tensor.
        row_ids: int32 `[B]`, what tells rows apart when sampling; 0 to B - 1 by default.
        weights: `model.decoder.step_weights()`, made once for many batches; `None` to make them.

    Returns:
        What was found.

    Raises:
        ValueError: A number is out of range, or weights are asked of a model without attention.
    """
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
        "return_weights": return_weights,
        "constants": constants,
        "source_mask": None if decoder.attention is None else memory_mask,
    }
    if sampling is not None:
        return sample_search(*start, row_ids=row_ids, **sampling._asdict(), **common)
    if beam_size == 1:
        return greedy_search(*start, **common)
    return beam_search(
        *start,
        beam_size=beam_size,
        n_best=n_best,
        length_penalty=length_penalty,
        coverage_penalty=coverage_penalty,
        **common,
    )


def check_at_least(least: float, **values: float) -> None:
    """Raise unless every number is large enough, and finite as a float32 too."""
    for name, value in values.items():
        is_number = isinstance(value, (int, float, np.number)) and abs(value) < LARGEST
        _need(is_number, "a finite number", name, value)
        _need(least <= value, f"at least {least}", name, value)


def check_whole(least: int, **values: int) -> None:
    """Raise unless every number is whole, large enough, and small enough to count with."""
    for name, value in values.items():
        is_whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
        _need(is_whole, "a whole number", name, value)
        _need(least <= value, f"at least {least}", name, value)
        _need(value <= MOST, f"at most {MOST:,}", name, value)


def _need(is_right: bool, need: str, name: str, value: Any) -> None:
    if not is_right:
        raise ValueError(f"`{name}` must be {need}. Received: {name}={value!r}")

"""Checks of a translator's options, of what it is asked for, and of the texts that it is given."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from keras_s2s.search.checks import check_whole
from keras_s2s.search.constraints import Constraints
from keras_s2s.search.strategies import Beam, Greedy, Strategy
from keras_s2s.search.strategy_checks import check_strategy
from keras_s2s.special_ids import END_ID, PAD_ID, START_ID

if TYPE_CHECKING:
    from keras_s2s.inference.protocol import SearchBackend


def check_options(search: object, maximum_source_length: int) -> None:
    """Check what a translator keeps as its own and saves.

    Raises:
        TypeError: The search is none that can be saved.
        ValueError: The length is out of range, or the search has constraints.
    """
    if not isinstance(search, (Greedy, Beam)):
        raise TypeError(
            "`search` of a translator must be a Greedy or Beam object, which is saved with it. "
            f"Received: search={search!r}. Pass a Sample to `translate` or `stream`."
        )
    if search.constraints != Constraints():
        raise ValueError(
            "The search of a translator has no constraints, which its folder does not keep. "
            f"Received: search={search!r}. Pass it to `translate` or `stream`."
        )
    check_whole(1, maximum_source_length=maximum_source_length)


def check_texts(texts: object) -> None:
    """Raise TypeError unless texts come as an iterable; what it holds is seen later."""
    if isinstance(texts, (str, bytes)) or not isinstance(texts, Iterable):
        raise TypeError(
            f"`texts` must be a list or another iterable of strings. Received: texts={texts!r}"
        )


def check_search(
    search: Strategy, n_best: int, backend: SearchBackend, attention: bool, vocabulary_size: int
) -> None:
    """Raise unless the backend can do what is asked of it; the vocabulary is the targets'."""
    check_strategy(search, n_best)
    search.constraints.check_ids(vocabulary_size, START_ID, END_ID, PAD_ID)
    backend.check(search)
    coverage_penalty = search.coverage_penalty if isinstance(search, Beam) else 0.0
    if not backend.has_attention and (attention or coverage_penalty):
        raise ValueError(
            "A model without attention has none to show, and no coverage to reward. Received: "
            f"attention={attention}, coverage_penalty={coverage_penalty}. Leave them out, or train "
            "with attention."
        )


def check_sizes(
    batch_size: int, window: int, maximum_length: int | None, minimum_length: int = 0
) -> None:
    """Raise ValueError unless every number is whole and at least 1; `None` is no limit."""
    check_whole(1, batch_size=batch_size, window=window)
    if maximum_length is not None:
        check_whole(1, maximum_length=maximum_length)
        if minimum_length > maximum_length:
            raise ValueError(
                "`maximum_length` must be at least `minimum_length`. Received: "
                f"maximum_length={maximum_length}, minimum_length={minimum_length}"
            )


def check_strings(texts: Sequence[object], first: int) -> None:
    """Raise TypeError unless all are strings; `first` texts came before them."""
    for number, text in enumerate(texts, first + 1):
        if not isinstance(text, str):
            raise TypeError(f"Text {number} must be a string. Received: {text!r}")


def check_lengths(
    sources: Sequence[list[int]], limit: int, first: int, strict: bool, name: str = "text"
) -> None:
    """Warn that texts are cut, or raise ValueError.

    Args:
        sources: Ids of each text, without end mark.
        limit: Longest source in tokens, end mark included.
        first: Texts that came before.
        strict: Whether to raise.
        name: What the texts are called.
    """
    long = [number for number, ids in enumerate(sources, first + 1) if len(ids) >= limit]
    if long and strict:
        count = len(sources[long[0] - first - 1]) + 1
        raise ValueError(
            f"{name.capitalize()} {long[0]} must have at most {limit:,} tokens, end mark "
            f"included. Received: {count:,} tokens. Shorten it, or have it cut, without `strict`."
        )
    if long:
        which = f"{name.capitalize()} {long[0]} was"
        if len(long) > 1:
            which = f"{len(long)} of the {name}s, the first of them {name} {long[0]}, were"
        message = f"{which} cut to {limit} tokens, end mark included."
        warnings.warn(message, stacklevel=3)

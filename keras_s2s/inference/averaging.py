"""One model in place of several checkpoints: the mean of their weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from keras_s2s.inference.parts import checked_translators
from keras_s2s.inference.translator import Translator


def average(translators: Iterable[Translator]) -> Translator:
    """Average the weights of checkpoints.

    The checkpoints must come from one training, or from several that resumed from the same weights:
    the mean of independently trained models is no useful model. Those can decode together with
    `Translator.ensemble`, which takes the time of all of them; an average takes the time of one.

    Args:
        translators: Two or more, of the same architecture and tokenizers.

    Returns:
        A translator whose weights are the mean of theirs. Integer weights, the search and the
        samples are those of the first.

    Raises:
        TypeError: `translators` is empty or holds something else.
        ValueError: There is only one, one is an ensemble, or they differ in more than weights.

    Example:
        >>> from keras_s2s import Decoder, Encoder, Seq2Seq, WordTokenizer
        >>> words = WordTokenizer.train(["a b c"])
        >>> checkpoints = [
        ...     Translator(Seq2Seq(Encoder(7, 4), Decoder(7, 4)), words, words) for _ in range(3)
        ... ]
        >>> len(average(checkpoints).translate(["a b", "c"], maximum_length=5))
        2

    Source: Junczys-Dowmunt et al. 2016, "The AMU-UEDIN Submission to the WMT16 News Translation
    Task"; Vaswani et al. 2017, section 6.1 (of the last 5 or 20 checkpoints).
    """
    several = checked_translators(translators, Translator)
    if len(several) < 2:
        raise ValueError("An average needs at least two translators. Received: 1. Name another.")
    first, *others = (one.model for one in several)
    config = _without_names(first.get_config())
    for number, other in enumerate(others, 2):
        found = next(_differences(config, _without_names(other.get_config())), None)
        if found is not None:
            raise ValueError(
                "Weights can be averaged only of the same architecture. Received: translator "
                f"{number} with {found}. Take checkpoints of one training, or decode with all of "
                "them as an ensemble."
            )
    model = first.with_dtype("float32")
    weights = zip(*(one.model.get_weights() for one in several), strict=True)
    model.set_weights([_mean(same) for same in weights])
    return several[0].with_model(model)


def _mean(arrays: tuple[np.ndarray, ...]) -> np.ndarray:
    """The mean, summed in float64; the first of counters and random states."""
    first = arrays[0]
    if np.issubdtype(first.dtype, np.integer) or first.dtype == bool:
        return first
    return np.mean(arrays, axis=0, dtype="float64").astype(first.dtype)


def _without_names(value: Any) -> Any:
    """A configuration without what layers are called, and without shapes, which follow from it."""
    if isinstance(value, dict):
        kept = value.keys() - {"name", "build_config"}
        return {key: _without_names(value[key]) for key in value if key in kept}
    return value


def _differences(first: Any, other: Any, place: str = "") -> Iterator[str]:
    """Where two configurations differ, in words."""
    if not isinstance(first, dict) or not isinstance(other, dict):
        if first != other:
            yield f"{place}={other!r}, not {first!r}"
        return
    for key in {**first, **other}:
        inner = place if key == "config" else f"{place}.{key}".lstrip(".")
        yield from _differences(first.get(key), other.get(key), inner)

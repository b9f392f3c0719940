"""The data that a training is validated on: given, held out, or none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from keras_s2s.data.hold_out import DEFAULT_MOST, DEFAULT_SHARE, rows_to_hold_out
from keras_s2s.data.pairs import Pairs
from keras_s2s.recipe.config import Recipe

if TYPE_CHECKING:
    from keras_s2s.data.prepared_corpus import PreparedCorpus
    from keras_s2s.recipe.training_pairs import TrainingPairs

HOLD_OUT_SEED = 1


def split_validation(
    data: TrainingPairs,
    valid_pairs: Pairs | None,
    recipe: Recipe,
    report: Callable[[str], None],
) -> tuple[TrainingPairs, Pairs | None]:
    """The pairs to train on and those to validate on.

    Args:
        data: All pairs, or a prepared corpus.
        valid_pairs: What was given for validation; `None` to hold out pairs.
        recipe: With `valid_share` and the normalization of the source. Its seed does not count:
            models with different seeds are validated on the same pairs, and have one vocabulary.
        report: Told what was held out.

    Returns:
        Both; `None` as the second for a training without validation.

    Raises:
        ValueError: Both pairs and a share were given, or a prepared corpus has none held out.
    """
    from keras_s2s.data.prepared_corpus import PreparedCorpus

    share = recipe.valid_share
    if valid_pairs is not None:
        if share is not None:
            raise ValueError(
                "Validation data are given or held out, not both. Received: "
                f"valid_share={share} with valid_pairs. Leave one of them out."
            )
        return data, valid_pairs
    if share == 0:
        report("no validation: the last weights are kept")
        return data, None
    if isinstance(data.pairs, PreparedCorpus):
        return data, _held_out_before(data.pairs, share)
    most = DEFAULT_MOST if share is None else None
    form = recipe.source_normalization
    share = DEFAULT_SHARE if share is None else share
    pairs = data.pairs
    rows = rows_to_hold_out(pairs, share, HOLD_OUT_SEED, most=most, normalization=form)
    report(
        f"validation: {len(rows):,} of {len(pairs):,} pairs held out, all pairs of a source "
        "together"
    )
    return data.without(rows), [pairs[row] for row in sorted(rows)]


def _held_out_before(prepared: PreparedCorpus, share: float | None) -> Pairs:
    found = prepared.valid_pairs
    if share is not None:
        raise ValueError(
            "Pairs are held out when a corpus is prepared. Received: "
            f"valid_share={share} with {prepared.folder}. Give it to keras-s2s prepare."
        )
    if not found:
        raise ValueError(
            f"No pairs were held out of {prepared.folder}. Received: no validation data. Give "
            "pairs for validation, prepare with `valid_share`, or train with valid_share=0."
        )
    return found

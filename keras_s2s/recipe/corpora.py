"""What a training reads, checked: pairs, those of the validation, and alignments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from keras_s2s.recipe.config import Recipe

if TYPE_CHECKING:
    from keras_s2s.data.pairs import Pairs
    from keras_s2s.data.prepared_corpus import PreparedCorpus

OF_ALIGNMENTS = ("guided_alignment_weight", "guided_alignment_decay")


def checked_corpora(
    pairs: Pairs | PreparedCorpus,
    valid_pairs: Pairs,
    alignments: Sequence[str] | None,
    recipe: Recipe,
) -> list[Iterable[tuple[str, ...]] | PreparedCorpus]:
    """All that identifies the data of a training: the pairs, and the alignments if there are any.

    Raises:
        ValueError: There is no pair, or alignments, pairs and options do not go together.
    """
    for name, rows in (("pairs", pairs), ("valid_pairs", valid_pairs)):
        if not rows:
            raise ValueError(f"`{name}` must hold at least one pair. Received: none.")
    if alignments is not None:
        _check_alignments(pairs, alignments, recipe)
        return [pairs, valid_pairs, [(line,) for line in alignments]]
    for name in OF_ALIGNMENTS:
        if getattr(recipe, name) != getattr(Recipe, name):
            raise ValueError(
                f"`{name}` goes with alignments. Received: {name}={getattr(recipe, name)!r} "
                "without any. Give them, or leave it out."
            )
    return [pairs, valid_pairs]


def _check_alignments(
    pairs: Pairs | PreparedCorpus, alignments: Sequence[str], recipe: Recipe
) -> None:
    from keras_s2s.data.aligned_batches import check_alignments
    from keras_s2s.data.prepared_corpus import PreparedCorpus

    if isinstance(pairs, PreparedCorpus):
        raise ValueError(
            "Alignments go with pairs in memory; a prepared corpus holds none. Received: "
            "alignments and a prepared corpus. Train on the files that it was prepared from."
        )
    if recipe.attention == "none":
        raise ValueError(
            "Alignments guide the attention. Received: alignments with attention='none'. Choose an "
            "attention, or leave the alignments out."
        )
    check_alignments(pairs, alignments)

"""Options of a training that do not go together, told before anything is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from keras_s2s.recipe.config import Recipe

OF_ALIGNMENTS = ("guided_alignment_weight", "guided_alignment_decay")
OF_TEACHERS = ("distillation_weight", "pseudo_sources")
OF_NOISE = ("noise_drop", "noise_swap", "noise_mask")


class Given(NamedTuple):
    """What a training has besides its recipe.

    Attributes:
        start: Whether it starts from a trained translator.
        prepared: Whether its pairs are a prepared corpus.
        alignments: Whether the pairs have alignments.
        strategy: Whether it is distributed.
        teachers: Whether it learns from teachers.
    """

    start: bool
    prepared: bool
    alignments: bool
    strategy: bool
    teachers: bool = False


def check_combination(recipe: Recipe, given: Given) -> None:
    """Raise ValueError unless the options and what else is given go together."""
    if recipe.reverse_target:
        _check_reversed(recipe, given)
    if recipe.contrastive_margin is not None:
        _check_contrastive(recipe, given)
    if given.teachers or recipe.teachers:
        _check_distilled(recipe, given)
    else:
        _check_unused(recipe, OF_TEACHERS, "teachers")
    if given.alignments:
        _check_guided(recipe)
    else:
        _check_unused(recipe, OF_ALIGNMENTS, "alignments")


def _check_unused(recipe: Recipe, names: Sequence[str], what: str) -> None:
    for name in names:
        if getattr(recipe, name) != getattr(Recipe, name):
            raise ValueError(
                f"`{name}` needs {what}. Received: {name}={getattr(recipe, name)!r} without any. "
                "Give them, or leave it out."
            )


def _check_distilled(recipe: Recipe, given: Given) -> None:
    if given.teachers and recipe.teachers:
        raise ValueError(
            "Give either teachers or a number of teachers to train, not both. Received: "
            f"teachers={recipe.teachers} with trained teachers. Leave the number out."
        )
    for is_wrong, need, found in (
        (given.start, "a new model", "a trained model to start from"),
        (given.prepared, "pairs in memory", "a prepared corpus"),
        (given.alignments, "pairs without alignments", "alignments"),
    ):
        if is_wrong:
            raise ValueError(f"Distillation needs {need}. Received: teachers with {found}")


def _check_reversed(recipe: Recipe, given: Given) -> None:
    for is_wrong, need, found in (
        (given.prepared, "pairs in memory", "a prepared corpus"),
        (given.alignments, "pairs without alignments", "alignments"),
        (given.teachers or recipe.teachers > 0, "training without teachers", "teachers"),
        (recipe.contrastive_margin is not None, "usual training", "contrastive_margin"),
    ):
        if is_wrong:
            raise ValueError(
                f"A right-to-left model needs {need}. Received: reverse_target=True with {found}"
            )


def _check_contrastive(recipe: Recipe, given: Given) -> None:
    for is_wrong, need, found in (
        (
            not given.start,
            "a trained model to start from: it compares translations, and does not teach to "
            "translate",
            "no `translator`",
        ),
        (given.prepared, "pairs in memory", "a prepared corpus"),
        (given.alignments, "pairs without alignments", "alignments"),
        (given.teachers or recipe.teachers > 0, "training without teachers", "teachers"),
        (
            given.strategy,
            "training without a strategy: several devices would each get one of the targets that "
            "it compares",
            "a `strategy`",
        ),
    ):
        if is_wrong:
            raise ValueError(
                f"Contrastive learning needs {need}. Received: "
                f"contrastive_margin={recipe.contrastive_margin} with {found}"
            )


def _check_guided(recipe: Recipe) -> None:
    if recipe.attention == "none":
        raise ValueError(
            "Alignments guide the attention. Received: alignments with attention='none'. "
            "Take a model with attention, or leave the alignments out."
        )
    for name in OF_NOISE:
        if getattr(recipe, name):
            raise ValueError(
                "Noise changes the positions of the words that alignments name. Received: "
                f"alignments with {name}={getattr(recipe, name)!r}. Leave one of them out."
            )

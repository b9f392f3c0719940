"""What contrastive learning goes together with."""

from __future__ import annotations

from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.resume import Run
from keras_s2s.recipe.start import Start
from keras_s2s.recipe.training_pairs import TrainingPairs


def check_contrastive(recipe: Recipe, data: TrainingPairs, start: Start, run: Run) -> None:
    """Raise ValueError if contrastive learning is asked for where it cannot be."""
    from keras_s2s.data.prepared_corpus import PreparedCorpus

    if recipe.contrastive_margin is None:
        return
    for is_wrong, need, found in (
        (
            start.translator is None,
            "a trained model to start from: it compares translations, and does not teach to "
            "translate",
            "no `translator`",
        ),
        (isinstance(data.pairs, PreparedCorpus), "pairs in memory", "a prepared corpus"),
        (data.alignments is not None, "pairs without alignments", "alignments"),
        (
            run.strategy is not None,
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

"""The model of a training: new, continued or of one's own, with embeddings and frozen parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from keras_s2s.data.pairs import Pairs
from keras_s2s.data.prepared_corpus import PreparedCorpus
from keras_s2s.recipe.build_model import make_model
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.freeze import freeze
from keras_s2s.recipe.place_embeddings import place_embeddings
from keras_s2s.recipe.start import Start
from keras_s2s.recipe.start_model import continued_model
from keras_s2s.recipe.training_data import TextSide

if TYPE_CHECKING:
    import keras

    from keras_s2s.model import Seq2Seq
    from keras_s2s.recipe.resume import Run

    BuildModel = Callable[[int, int, Recipe], Seq2Seq]


def make_models(
    text: TextSide,
    run: Run,
    start: Start,
    build_model: BuildModel | None,
    pairs: Pairs | PreparedCorpus,
    report: Callable[[str], None],
) -> tuple[Seq2Seq, keras.Model]:
    """The model to save, checked that it can be loaded again, and the compiled one to train.

    Args:
        text: Tokenizers, batches and options.
        run: Where it is trained.
        start: What it starts from.
        build_model: As for `train`.
        pairs: The data, in which the coverage of pretrained embeddings is counted.
        report: Receives progress messages.

    Returns:
        Both models; they share all weights.

    Raises:
        TypeError: `build_model` returns something else than a `Seq2Seq`.
        ValueError: The model could not be loaded again, or does not go with the start.
    """
    from keras_s2s.inference.loadable import check_loadable
    from keras_s2s.recipe.fit import compile_model

    report(f"training: {text.batches}")
    with run.scope():
        model = _make(text, start, build_model)
        place_embeddings(model, start, text.tokenizers, pairs, report)
        frozen = freeze(model, start.freeze)
        trained = compile_model(model, text.recipe, text.batches)
    sizes = [f"{tokenizer.vocabulary_size:,}" for tokenizer in text.tokenizers]
    kept = f", {frozen:,} of them frozen" if frozen else ""
    count = model.count_params()
    report(f"{sizes[0]} source ids, {sizes[1]} target ids, {count:,} weights{kept}")
    is_own = build_model is not None or bool(model.custom_objects)
    if is_own and (names := check_loadable(model, *text.tokenizers)):
        report(f"loading this model will need custom_objects: {', '.join(names)}")
    report("the first epoch takes longer: each batch shape is prepared when it first occurs")
    return model, trained


def _make(text: TextSide, start: Start, build_model: BuildModel | None) -> Seq2Seq:
    from keras_s2s.model import Seq2Seq

    translator: Any = start.translator
    if translator is not None:
        return continued_model(translator, text.tokenizers, text.recipe)
    sizes = [tokenizer.vocabulary_size for tokenizer in text.tokenizers]
    model = (build_model or make_model)(sizes[0], sizes[1], text.recipe)
    if not isinstance(model, Seq2Seq):
        raise TypeError(f"`build_model` must return a Seq2Seq. Received: {model!r}")
    return model

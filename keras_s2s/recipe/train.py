"""What `keras-s2s train` does: from clean pairs to a saved translator, in one function."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from keras_s2s.data.pairs import Pairs
from keras_s2s.recipe.build_model import make_model
from keras_s2s.recipe.config import Recipe

if TYPE_CHECKING:
    from keras_s2s.data.prepared_corpus import PreparedCorpus
    from keras_s2s.inference.translator import Translator
    from keras_s2s.recipe.resume import Identity, Run
    from keras_s2s.training.checkpoints import Checkpoints


def train(
    pairs: Pairs | PreparedCorpus,
    valid_pairs: Pairs,
    folder: str | Path,
    recipe: Recipe | None = None,
    *,
    run: Run | None = None,
    report: Callable[[str], None] = print,
) -> Translator:
    """Train tokenizers and a model, keep the best weights by validation, save all in one folder.

    While it trains, checkpoints stand beside that folder, in FOLDER.checkpoints.

    Args:
        pairs: Sources and targets to train on, or what `prepare` made of them.
        valid_pairs: Sources and targets to choose the best weights by.
        folder: Where the translator is saved, with `recipe.json`, `history.json` and `curves.png`.
        recipe: How; `None` for the defaults.
        run: Where it runs, and whether it goes on from a checkpoint; `None` for the defaults.
        report: Gets a line for each thing that a person wants to know.

    Returns:
        The translator, with the best weights.

    Raises:
        ValueError: No pairs, a folder that holds something else, a training that diverged, or
            checkpoints of another one.
        OSError: The folder cannot be written.
        SystemExit: After a SIGTERM, with status 75; `run.resume` goes on.
        KeyboardInterrupt: After Ctrl-C; `run.resume` goes on as well.
    """
    from keras_s2s.inference.storage import TRANSLATOR
    from keras_s2s.inference.translator import Translator
    from keras_s2s.recipe.resume import Run, identity_of, is_finished, open_checkpoints
    from keras_s2s.training.distribution import detect_lost_workers

    recipe, run = recipe or Recipe(), run or Run()
    for name, rows in (("pairs", pairs), ("valid_pairs", valid_pairs)):
        if not rows:
            raise ValueError(f"`{name}` must hold at least one pair. Received: none.")
    folder = TRANSLATOR.check_goal(Path(folder))
    identity = identity_of(recipe, pairs, valid_pairs)
    with detect_lost_workers(run.strategy), run.alone(folder):
        run.check(recipe, identity)
        checkpoints = open_checkpoints(folder, run, identity, report)
        is_new = run.resume and checkpoints.newest() is None
        if is_new and is_finished(folder, identity, checkpoints.folder, report):
            return Translator.load(folder)
        return _train(pairs, valid_pairs, folder, recipe, run, checkpoints, identity, report)


def _train(
    pairs: Pairs | PreparedCorpus,
    valid_pairs: Pairs,
    folder: Path,
    recipe: Recipe,
    run: Run,
    checkpoints: Checkpoints,
    identity: Identity,
    report: Callable[[str], None],
) -> Translator:
    import keras

    from keras_s2s.data.pairs import encode_pairs
    from keras_s2s.inference.storage import DESCRIPTION
    from keras_s2s.inference.translator import Translator
    from keras_s2s.recipe.fit import compile_model, fit, write_history
    from keras_s2s.recipe.resume import keep_tokenizers, kept_tokenizers
    from keras_s2s.recipe.training_data import make_text_side, own_errors

    keras.utils.set_random_seed(recipe.seed)
    kept = kept_tokenizers(checkpoints)
    recipe, tokenizers, batches, samples = make_text_side(pairs, recipe, kept)
    checkpoints = keep_tokenizers(checkpoints, *tokenizers, identity)
    if (folder / DESCRIPTION).exists():
        report(f"the model in {folder} will be replaced")
    report(f"training: {batches}")
    sizes = tokenizers[0].vocabulary_size, tokenizers[1].vocabulary_size
    with run.scope():
        model = make_model(*sizes, recipe)
        compile_model(model, recipe)
    report(f"{sizes[0]:,} source ids, {sizes[1]:,} target ids, {model.count_params():,} weights")
    report("the first epoch takes longer: each shape of a batch is prepared when it first comes")
    valid = encode_pairs(valid_pairs, *tokenizers)
    with own_errors(batches):
        history = fit(model, batches, valid, recipe, checkpoints, report)
    translator = Translator(model, *tokenizers, samples=samples)
    if run.writes:
        translator.save(
            folder,
            write_companions=lambda new: write_history(new, recipe, history, identity),
        )
        checkpoints.remove()
        report(f"saved in {folder}")
    return translator

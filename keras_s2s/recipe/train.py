"""Training a translator from pairs, as `keras-s2s train` does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from keras_s2s.data.pairs import Pairs
from keras_s2s.inference.storage import DESCRIPTION, SOURCE, TARGET, TRANSLATOR
from keras_s2s.recipe import resume
from keras_s2s.recipe.build_model import make_model
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.corpora import checked_corpora
from keras_s2s.recipe.training_data import TextSide, make_text_side, own_errors
from keras_s2s.training.distribution import detect_lost_workers

if TYPE_CHECKING:
    import keras

    from keras_s2s.data.prepared_corpus import PreparedCorpus
    from keras_s2s.inference.translator import Translator
    from keras_s2s.model import Seq2Seq
    from keras_s2s.recipe.resume import Identity, Run
    from keras_s2s.training.checkpoints import Checkpoints

    BuildModel = Callable[[int, int, Recipe], Seq2Seq]


def train(
    pairs: Pairs | PreparedCorpus,
    valid_pairs: Pairs,
    folder: str | Path,
    recipe: Recipe | None = None,
    *,
    alignments: Sequence[str] | None = None,
    build_model: BuildModel | None = None,
    run: Run | None = None,
    report: Callable[[str], None] = print,
) -> Translator:
    """Train tokenizers and a model, select the best weights by validation, and save a translator.

    During training, checkpoints are written beside the folder, to FOLDER.checkpoints.

    Args:
        pairs: Sources and targets to train on, or what `prepare` made of them.
        valid_pairs: Sources and targets that select the best weights.
        folder: Where the translator is saved, with `recipe.json`, `history.json` and `curves.png`.
        recipe: The options of the training; `None` for the defaults.
        alignments: For each pair the links between its words, to which the attention is drawn: in
            the Pharaoh format, such as "0-0 1-2"; blank for none. `None` to train without.
        build_model: Makes the model from the sizes of the source's and the target's vocabulary and
            the recipe; `None` for the model that the recipe describes. It is called in the scope
            of the strategy, and what it makes is compiled by the recipe.
        run: Where it runs, and whether it resumes from a checkpoint; `None` for the defaults.
        report: Receives progress messages, line by line.

    Returns:
        The translator, with the best weights.

    Raises:
        TypeError: `build_model` returns something else than a `Seq2Seq`.
        ValueError: No pairs, a folder that holds something else, a model that could not be loaded
            again, a training that diverged, or checkpoints of another one.
        OSError: The folder cannot be written.
        SystemExit: After a SIGTERM, with status 75; resume with `run.resume`.
        KeyboardInterrupt: After Ctrl-C; resume with `run.resume` as well.
    """
    import keras

    from keras_s2s.inference.translator import Translator

    recipe, run = recipe or Recipe(), run or resume.Run()
    corpora = checked_corpora(pairs, valid_pairs, alignments, recipe)
    folder = TRANSLATOR.check_goal(Path(folder))
    identity = resume.identity_of(recipe, *corpora)
    with detect_lost_workers(run.strategy), run.alone(folder):
        run.check(recipe, identity)
        checkpoints = resume.make_checkpoints(folder, run)
        newest = resume.find_checkpoint(checkpoints, run, identity, report)
        is_new = run.resume and newest is None
        if is_new and resume.is_finished(folder, identity, checkpoints.folder, report):
            return _load_finished(folder, build_model)
        keras.utils.set_random_seed(recipe.seed)
        text = make_text_side(pairs, recipe, resume.kept_tokenizers(newest), alignments)
        companions = resume.companions_writer(*text.tokenizers, identity)
        checkpoints = checkpoints.with_companions(companions)
        if (folder / DESCRIPTION).exists():
            report(f"the model in {folder} will be replaced")
        model, trained = _make_model(text, run, build_model, report)
        history = _fit(trained, text, valid_pairs, checkpoints, report)
        translator = Translator(model, *text.tokenizers, samples=text.samples)
        if run.writes:
            _save(translator, folder, text.recipe, history, identity)
            checkpoints.remove()
            report(f"saved in {folder}")
        return translator


def _load_finished(folder: Path, build_model: BuildModel | None) -> Translator:
    """The translator of a training that is over; `build_model` tells the classes of one's own."""
    from keras_s2s.inference.translator import Translator
    from keras_s2s.text.tokenizers import load_tokenizer

    if build_model is None:
        return Translator.load(folder)
    sizes = [load_tokenizer(folder / name).vocabulary_size for name in (SOURCE, TARGET)]
    model = build_model(sizes[0], sizes[1], Recipe.from_json(folder / "recipe.json"))
    return Translator.load(folder, model.custom_objects)


def _make_model(
    text: TextSide, run: Run, build_model: BuildModel | None, report: Callable[[str], None]
) -> tuple[Seq2Seq, keras.Model]:
    """The model, after checking that it can be saved and loaded, and the compiled one to train."""
    from keras_s2s.data.aligned_batches import AlignedBatches
    from keras_s2s.inference.loadable import check_loadable
    from keras_s2s.model import Seq2Seq
    from keras_s2s.recipe.fit import compile_model

    report(f"training: {text.batches}")
    sizes = [tokenizer.vocabulary_size for tokenizer in text.tokenizers]
    with run.scope():
        model = (build_model or make_model)(sizes[0], sizes[1], text.recipe)
        if not isinstance(model, Seq2Seq):
            raise TypeError(f"`build_model` must return a Seq2Seq. Received: {model!r}")
        is_aligned = isinstance(text.batches, AlignedBatches)
        trained = compile_model(model, text.recipe, is_aligned)
    report(f"{sizes[0]:,} source ids, {sizes[1]:,} target ids, {model.count_params():,} weights")
    if build_model is not None and (names := check_loadable(model, *text.tokenizers)):
        report(f"loading this model will need custom_objects: {', '.join(names)}")
    report("the first epoch takes longer: each shape of a batch is prepared when it first comes")
    return model, trained


def _fit(
    model: keras.Model,
    text: TextSide,
    valid_pairs: Pairs,
    checkpoints: Checkpoints,
    report: Callable[[str], None],
) -> dict[str, list[float]]:
    from keras_s2s.data.pairs import encode_pairs
    from keras_s2s.recipe.fit import fit

    valid = encode_pairs(valid_pairs, *text.tokenizers)
    with own_errors(text.batches):
        return fit(model, text.batches, valid, text.recipe, checkpoints, report)


def _save(
    translator: Translator,
    folder: Path,
    recipe: Recipe,
    history: dict[str, list[float]],
    identity: Identity,
) -> None:
    from keras_s2s.recipe.fit import write_history

    def write(new: Path) -> None:
        write_history(new, recipe, history, identity)

    translator.save(folder, write_companions=write)

"""Training a translator from pairs, as `keras-s2s train` does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from keras_s2s.data.pairs import Pairs
from keras_s2s.inference.storage import DESCRIPTION, SOURCE, TARGET, TRANSLATOR
from keras_s2s.recipe import resume
from keras_s2s.recipe.auto_recipe import AutoRecipe, complete_recipe, effort_of
from keras_s2s.recipe.combinations import Given, check_combination
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.identity import identity_of
from keras_s2s.recipe.start import Start, start_tokenizers
from keras_s2s.recipe.start_options import settled_recipe
from keras_s2s.recipe.training_data import TextSide, make_text_side, own_errors
from keras_s2s.recipe.training_pairs import TrainingPairs
from keras_s2s.recipe.validation_data import split_validation
from keras_s2s.training.distribution import detect_lost_workers

if TYPE_CHECKING:
    import keras

    from keras_s2s.data.prepared_corpus import PreparedCorpus
    from keras_s2s.inference.translator import Translator
    from keras_s2s.model import Seq2Seq
    from keras_s2s.recipe.identity import Identity
    from keras_s2s.recipe.resume import Run
    from keras_s2s.training.checkpoints import Checkpoints

    BuildModel = Callable[[int, int, Recipe], Seq2Seq]


def train(
    pairs: Pairs | PreparedCorpus,
    valid_pairs: Pairs | None,
    folder: str | Path,
    recipe: Recipe | AutoRecipe | None = None,
    *,
    sample_weight: Sequence[float] | None = None,
    alignments: Sequence[str] | None = None,
    start: Start | None = None,
    build_model: BuildModel | None = None,
    run: Run | None = None,
    report: Callable[[str], None] = print,
) -> Translator:
    """Train tokenizers and a model, select the best weights by validation, and save a translator.

    During training, checkpoints are written beside the folder, to FOLDER.checkpoints.

    Args:
        pairs: Sources and targets to train on, or what `prepare` made of them.
        valid_pairs: Sources and targets that select the best weights; `None` to hold out a share
            of the pairs, `recipe.valid_share`.
        folder: Where the translator is saved, with `recipe.json`, `history.json`,
            `history.csv` and `curves.png`.
        recipe: The options of the training: all of them, as a `Recipe`, or some of them, as an
            `AutoRecipe`, which chooses the others; `None` to choose all.
        sample_weight: A weight of each pair in the loss, at least 0; `None` for none. A prepared
            corpus holds its own.
        alignments: For each pair the links between its words, to which the attention is drawn: in
            the Pharaoh format, such as "0-0 1-2"; blank for none. `None` to train without.
        start: A trained translator to continue or to fine-tune, parts that are frozen, and files of
            pretrained embeddings; `None` to train a new model.
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
            again, options that contradict the start, a training that diverged, or checkpoints of
            another one.
        OSError: The folder cannot be written.
        SystemExit: After a SIGTERM, with status 75; resume with `run.resume`.
        KeyboardInterrupt: After Ctrl-C; resume with `run.resume` as well.
    """
    run, start = run or resume.Run(), start or Start()
    if not isinstance(start, Start):
        raise TypeError(f"`start` must be a Start. Received: start={start!r}")
    start.check_output(folder)
    start = start.loaded()
    run.check_packages()
    data = TrainingPairs.of(pairs, sample_weight, alignments)
    _check_given(valid_pairs, start, build_model)
    folder = TRANSLATOR.check_goal(Path(folder))
    recorded = resume.read_record(folder, run)
    effort = effort_of(recipe, recorded)
    recipe = complete_recipe(recipe, data.pairs, start, run, recorded, report)
    recipe = settled_recipe(recipe, start, data.pairs)
    given = Given(
        start=start.translator is not None,
        prepared=data.is_prepared,
        alignments=data.alignments is not None,
        teachers=bool(start.teachers),
        strategy=run.strategy is not None,
    )
    check_combination(recipe, given)
    data, valid_pairs = split_validation(data, valid_pairs, recipe, report)
    task = Task(data, valid_pairs, recipe, start, build_model, run, report, effort)
    with detect_lost_workers(run.strategy), run.alone(folder):
        return _run(task, folder)


class Task(NamedTuple):
    """A training whose arguments are checked and settled."""

    data: TrainingPairs
    valid_pairs: Pairs | None
    recipe: Recipe
    start: Start
    build_model: BuildModel | None
    run: Run
    report: Callable[[str], None]
    effort: str


def _run(task: Task, folder: Path) -> Translator:
    """Train, from the newest checkpoint on if there is one, and save."""
    recipe, start, run, report = task.recipe, task.start, task.run, task.report
    identity = identity_of(recipe, task.data, task.valid_pairs, start.identity())
    identity["effort"] = task.effort
    run.check(recipe, identity)
    checkpoints = resume.make_checkpoints(folder, run)
    newest = resume.find_checkpoint(checkpoints, run, identity, report)
    is_new = run.resume and newest is None
    if is_new and resume.is_finished(folder, identity, checkpoints.folder, report):
        return _load_finished(folder, start, task.build_model)
    with resume.recorded_start(checkpoints, identity):
        return _train(task, folder, checkpoints, newest, identity)


def _train(
    task: Task, folder: Path, checkpoints: Checkpoints, newest: Path | None, identity: Identity
) -> Translator:
    import keras

    from keras_s2s.inference.translator import Translator
    from keras_s2s.recipe.models import make_models

    data, valid_pairs, recipe, start, build_model, run, report, _ = task
    start = replace(start, teachers=start.teachers or _train_teachers(task, folder))
    keras.utils.set_random_seed(recipe.seed)
    known = resume.kept_tokenizers(newest)
    known = known or start_tokenizers(start, data.pairs, recipe, report)
    text = make_text_side(data, recipe, known, start.teachers, report)
    companions = resume.companions_writer(*text.tokenizers, identity)
    checkpoints = checkpoints.with_companions(companions)
    if (folder / DESCRIPTION).exists():
        report(f"the model in {folder} will be replaced")
    model, trained = make_models(text, run, start, build_model, data.pairs, report)
    options = {**start.kept_options, "reverse_target": text.recipe.reverse_target}
    translator = Translator(model, *text.tokenizers, samples=text.samples, **options)
    shown = run.tensorboard_callbacks(translator, valid_pairs)
    history = _fit(trained, text, valid_pairs, checkpoints, report, shown)
    if run.writes:
        _save(translator, folder, text.recipe, history, identity)
        checkpoints.remove()
        report(f"saved in {folder}")
    return translator


def _train_teachers(task: Task, folder: Path) -> list[Translator]:
    """Train the teachers that the recipe asks for; those of a resumed training that are there.

    Where they translate generated sources, every second one predicts from right to left: an
    ensemble of both directions makes fewer errors.
    """
    teachers, recipe = [], task.recipe
    for number in range(1, recipe.teachers + 1):
        own = folder.with_name(f"{folder.name}.teachers") / str(number)
        is_reversed = recipe.pseudo_sources > 0 and number % 2 == 0
        direction = ", right to left" if is_reversed else ""
        task.report(f"teacher {number} of {recipe.teachers}{direction}: {own}")
        given = replace(
            recipe,
            teachers=0,
            distillation_weight=Recipe.distillation_weight,
            pseudo_sources=0,
            reverse_target=is_reversed,
            seed=(recipe.seed + number) % 2**31,
        )
        run = replace(task.run, tensorboard=None)
        with run.alone(own):
            teachers.append(_run(task._replace(recipe=given, run=run), own))
    return teachers


def _check_given(valid_pairs: Pairs | None, start: Start, build_model: BuildModel | None) -> None:
    if valid_pairs is not None and not valid_pairs:
        raise ValueError("`valid_pairs` must hold at least one pair. Received: none.")
    if start.translator is not None and build_model is not None:
        raise ValueError(
            "A training that starts from a translator has its model already. Received: start and "
            "build_model. Leave one of them out."
        )


def _load_finished(folder: Path, start: Start, build_model: BuildModel | None) -> Translator:
    """The translator of a training that is over, with the classes of one's own that it needs."""
    from keras_s2s.inference.translator import Translator
    from keras_s2s.text.tokenizers import load_tokenizer

    begun: Any = start.translator
    if begun is not None:
        return Translator.load(folder, begun.model.custom_objects)
    if build_model is None:
        return Translator.load(folder)
    sizes = [load_tokenizer(folder / name).vocabulary_size for name in (SOURCE, TARGET)]
    model = build_model(sizes[0], sizes[1], Recipe.from_json(folder / "recipe.json"))
    return Translator.load(folder, model.custom_objects)


def _fit(
    model: keras.Model,
    text: TextSide,
    valid_pairs: Pairs | None,
    checkpoints: Checkpoints,
    report: Callable[[str], None],
    callbacks: Sequence[keras.callbacks.Callback],
) -> dict[str, list[float]]:
    from keras_s2s.data.pairs import encode_pairs
    from keras_s2s.recipe.fit import fit

    reverse = text.recipe.reverse_target
    valid = None if valid_pairs is None else encode_pairs(valid_pairs, *text.tokenizers, reverse)
    with own_errors(text.batches):
        return fit(model, text.batches, valid, text.recipe, checkpoints, report, callbacks)


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

"""The demo: convert written dates, in English and Korean, to ISO 8601."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from keras_s2s.experiments.dates import DateSplits, date_splits
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.identity import TRAINING
from keras_s2s.recipe.resume import Run
from keras_s2s.recipe.train import train
from keras_s2s.search.strategies import Greedy

if TYPE_CHECKING:
    from keras_s2s.inference.translator import Translator

RECIPE = Recipe(
    source_tokenizer="character",
    target_tokenizer="character",
    units=128,
    embedding_dimension=64,
    dropout=0.1,
    label_smoothing=0.0,
    batch_tokens=1408,
    subword_sampling=0.0,
    epochs=6,
    learning_rate=4e-3,
    ema_momentum=0.99,
)
SHOWN = 12
TRIED = 200  # Dates to check the export with.


def run_demo(
    folder: str | Path,
    *,
    recipe: Recipe = RECIPE,
    splits: DateSplits | None = None,
    report: Callable[[str], None] = print,
) -> float:
    """Train on written dates, test on unseen dates, show some translations, save the model.

    Args:
        folder: Folder for the translator and `attention.png`.
        recipe: The training recipe.
        splits: The dates; `None` generates 43,000 of them.
        report: Called with each line of output.

    Returns:
        Exact match on the test dates, a fraction from 0 to 1.
    """
    splits = date_splits(seed=1) if splits is None else splits
    report(
        f"{len(splits.train):,} written dates for training, {len(splits.test):,} of other days for "
        "the test"
    )
    start = time.monotonic()
    checkpoints = Path(folder).with_name(f"{Path(folder).name}.checkpoints")
    run = Run(resume=(checkpoints / TRAINING).exists())  # A demo that was interrupted.
    translator = train(splits.train, splits.valid, folder, recipe, run=run, report=report)
    report(f"trained in {time.monotonic() - start:.0f} s")
    sources, targets = zip(*splits.test, strict=True)
    hypotheses = translator.translate(sources, search=Greedy())
    rows = list(zip(sources, targets, hypotheses, strict=True))
    wrong = [row for row in rows if row[1] != row[2]]
    exact = 1 - len(wrong) / len(rows)
    for source, _, hypothesis in rows[:SHOWN]:
        report(f"  {source}  ->  {hypothesis}")
    for source, target, hypothesis in wrong[:SHOWN]:
        report(f"  wrong: {source}  ->  {hypothesis}, not {target}")
    report(f"exact match on dates not seen in training: {100 * exact:.2f} %, {len(wrong)} wrong")
    picture = Path(folder) / "attention.png"
    _draw_attention(translator, sources[0], picture)
    exported = _export(translator, Path(folder), splits, report)
    report(f"model and plots are in {folder}; try:")
    if exported is not None:
        report(f"  {_command()} web --model {exported}  # a web page; needs npm once")
    report(f'  echo "{sources[1]}" | {_command()} translate --model {folder}')
    return exact


def _export(
    translator: Translator, folder: Path, splits: DateSplits, report: Callable[[str], None]
) -> Path | None:
    """Export the model to LiteRT and test the export; return its folder."""
    from keras_s2s.export.contract import Contract
    from keras_s2s.export.litert.export import litert
    from keras_s2s.export.parity import contract_run, step_milliseconds
    from keras_s2s.export.runners import LiteRTTranslator
    from keras_s2s.files.native_logs import without_remarks

    goal = folder.with_name(f"{folder.name}-litert")
    try:
        from keras_s2s.export.litert.runtimes import interpreter

        with without_remarks():
            manifest = litert(translator, goal, quantize="int8")
    except ImportError as error:
        report(f"not exported: {error}")
        return None
    sources, targets = zip(*splits.test[:TRIED], strict=True)
    with without_remarks():
        hypotheses = LiteRTTranslator(goal).translate(sources, search=Greedy())
    right = sum(map(str.__eq__, hypotheses, targets))
    contract = Contract(translator.model, weights=translator.model.decoder.step_weights())
    runs = interpreter(str(goal / manifest["file"])), contract_run(contract)
    steps = [step_milliseconds(run, manifest["lengths"][-1]) for run in runs]
    report(
        f"exported to {goal} for mobile devices: {manifest['bytes']['file'] / 1e6:.2f} MB in int8; "
        f"it converts {right} of {len(targets)} dates correctly; a step takes {steps[0]:.2f} ms, "
        f"with Keras {steps[1]:.2f} ms"
    )
    return goal


def _command() -> str:
    """Return the command that runs keras-s2s here, with or without an activated environment."""
    installed = Path(sys.executable).with_name("keras-s2s")
    if shutil.which("keras-s2s") or not installed.exists():
        return "keras-s2s"
    is_below = installed.is_relative_to(Path.cwd())
    return str(installed.relative_to(Path.cwd()) if is_below else installed)


def _draw_attention(translator: Translator, source: str, path: Path) -> None:
    from keras_s2s.evaluation.plots import attention_heatmap

    ((best,),) = translator.stream([source], search=Greedy(), attention=True)
    if best.weights is not None:
        attention_heatmap(best.weights, best.source_pieces, best.target_pieces, path)

"""The demo: dates as people write them, in English and Korean, to ISO 8601."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from keras_s2s.experiments.dates import DateSplits, date_splits
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.train import train

if TYPE_CHECKING:
    from keras_s2s.inference.translator import Translator

RECIPE = Recipe(
    source_tokenizer="character",
    target_tokenizer="character",
    units=128,
    embedding=64,
    dropout=0.1,
    label_smoothing=0.0,
    batch_tokens=1408,
    subword_sampling=0.0,
    epochs=6,
    learning_rate=4e-3,
    averaging=0.99,
)
SHOWN = 12
TRIED = 200  # Dates that the export reads alone.


def run_demo(
    folder: str | Path,
    *,
    recipe: Recipe = RECIPE,
    splits: DateSplits | None = None,
    report: Callable[[str], None] = print,
) -> float:
    """Train on written dates, test on dates never seen, show answers, save model and picture.

    Args:
        folder: Where the translator and `attention.png` are saved.
        recipe: How to train.
        splits: The dates; `None` makes 43,000 of them.
        report: Gets what is to be read.

    Returns:
        Exact match on the test dates, a share from 0 to 1.
    """
    splits = date_splits(seed=1) if splits is None else splits
    report(
        f"{len(splits.train):,} written dates to learn from, {len(splits.test):,} of other days to "
        "be tested on"
    )
    start = time.monotonic()
    translator = train(splits.train, splits.valid, folder, recipe, report=report)
    report(f"trained in {time.monotonic() - start:.0f} s")
    sources, targets = zip(*splits.test, strict=True)
    answers = translator.translate(sources, beam_size=1)
    wrong = [row for row in zip(sources, targets, answers, strict=True) if row[1] != row[2]]
    exact = 1 - len(wrong) / len(sources)
    for source, _, answer in list(zip(sources, targets, answers, strict=True))[:SHOWN]:
        report(f"  {source}  ->  {answer}")
    for source, target, answer in wrong[:SHOWN]:
        report(f"  wrong: {source}  ->  {answer}, not {target}")
    report(f"exact match on dates never seen in training: {100 * exact:.2f} %, {len(wrong)} wrong")
    picture = Path(folder) / "attention.png"
    _draw_attention(translator, sources[0], picture)
    exported = _export(translator, Path(folder), splits, report)
    report(f"model and pictures are in {folder}; try:")
    if exported is not None:
        report(f"  {_command()} web --model {exported}  # A page in a browser; needs npm once.")
    report(f'  echo "{sources[1]}" | {_command()} translate --model {folder}')
    return exact


def _export(
    translator: Translator, folder: Path, splits: DateSplits, report: Callable[[str], None]
) -> Path | None:
    """Export the model for phones, and translate with the export alone; return its folder."""
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
        answers = LiteRTTranslator(goal).translate(sources, beam_size=1)
    right = sum(map(str.__eq__, answers, targets))
    contract = Contract(translator.model, weights=translator.model.decoder.step_weights())
    runs = interpreter(str(goal / manifest["file"])), contract_run(contract)
    steps = [step_milliseconds(run, manifest["lengths"][-1]) for run in runs]
    report(
        f"exported to {goal} for phones: {manifest['bytes']['file'] / 1e6:.2f} MB of int8; alone "
        f"it reads {right} of {len(targets)} dates right; a step takes {steps[0]:.2f} ms, Keras' "
        f"{steps[1]:.2f} ms"
    )
    return goal


def _command() -> str:
    """What starts the command line in this environment, whether or not it is activated."""
    installed = Path(sys.executable).with_name("keras-s2s")
    if shutil.which("keras-s2s") or not installed.exists():
        return "keras-s2s"
    is_below = installed.is_relative_to(Path.cwd())
    return str(installed.relative_to(Path.cwd()) if is_below else installed)


def _draw_attention(translator: Translator, source: str, path: Path) -> None:
    from keras_s2s.evaluation.plots import attention_heatmap

    ((answer,),) = translator.stream([source], beam_size=1, attention=True)
    if answer.weights is not None:
        attention_heatmap(answer.weights, answer.source_pieces, answer.target_pieces, path)

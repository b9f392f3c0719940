"""The command that exports, and the way to whatever can translate: models or an export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from keras_s2s.cli.models import load_translator
from keras_s2s.cli.options import File, Model, about
from keras_s2s.export.formats import FORMATS, Format
from keras_s2s.files.native_logs import without_remarks


def export(
    model: Model,
    output: Annotated[
        Path, about("Folder for the export; of saved_model, for all its versions.", "DIR")
    ],
    form: Annotated[
        str, typer.Option("--format", help="What it shall run on.", metavar="|".join(FORMATS))
    ] = "litert",
    quantize: Annotated[
        str, about("What weights are kept in; float16 is for litert alone.", "none|float16|int8")
    ] = "none",
    max_length: Annotated[
        int | None,
        about("Longest source in tokens, for litert; by default the samples'.", "N", min=1),
    ] = None,
    lengths: Annotated[
        str | None,
        about("Source tokens, each with a signature; by default two, from the samples.", "N,N,..."),
    ] = None,
    version: Annotated[
        int | None, about("Of saved_model; by default one more than the highest.", "N", min=1)
    ] = None,
    samples: Annotated[
        File, about("Sentences, one a line, to try it with; by default from the training.", "FILE")
    ] = None,
) -> None:
    """Export a model for phones (litert), servers (saved_model) or onnx, and prove it equal."""
    if form not in FORMATS:
        raise ValueError(f"--format must be one of {'|'.join(FORMATS)}. Received: {form!r}")
    chosen = FORMATS[form]
    given = {"quantize": quantize, "lengths": lengths, "max_length": max_length, "version": version}
    _check_options(chosen, given)
    given["lengths"] = _lengths(lengths)
    options = {name: given[name] for name in chosen.options}
    sentences = _read(samples)
    goal = chosen.check.load()(output, **options)
    from keras_s2s.export.artifact import EXPORT, find_export

    if EXPORT.is_in(find_export(model)):
        raise ValueError(f"{model} is an export already; --model must be what was trained")
    EXPORT.check_goal(goal)
    if goal.exists():
        print(f"the export in {goal} will be replaced")
    translator = load_translator(model)
    with without_remarks():
        manifest = chosen.export.load()(translator, output, samples=sentences, **options)
    _report(manifest)
    print(f"the export is in {goal}")
    if chosen.next_step is not None:
        print(chosen.next_step.load()(output))


def _check_options(form: Format, given: dict[str, Any]) -> None:
    """Raise if an option was given that the format does not have."""
    for name, value in given.items():
        if name not in form.options and value not in (None, "none"):
            having = " or ".join(one.name for one in FORMATS.values() if name in one.options)
            raise ValueError(
                f"--{name.replace('_', '-')} goes with --format {having}. "
                f"Received: --format {form.name}"
            )


def _report(manifest: dict[str, Any]) -> None:
    if "lengths" in manifest:
        print(f"sources of up to {manifest['lengths'][-1]} tokens are read, longer ones cut")
    for name, size in manifest["bytes"].items():
        print(f"{name}: {size / 1e6:,.2f} MB")
    for name, found in manifest["parity"].items():
        print(
            f"{name}: {found['same']} of {found['sentences']} answers are the model's, token for "
            f"token; {found['ties']} differ where two tokens are equally likely, "
            f"{found['drifts']} where rounding grew from step to step"
        )
        if found["first_difference"] is not None:
            print(f"  the first that differs: {found['first_difference']}")
    if "oldest_serving" in manifest:
        print(f"TensorFlow Serving {manifest['oldest_serving']} and later have its operations")


def _read(samples: Path | None) -> list[str]:
    if samples is None:
        return []
    from keras_s2s.data.corpus import read_lines

    found = [line for line in read_lines(str(samples)) if line.strip()]
    if not found:
        raise ValueError(f"--samples must hold a sentence. Received: {samples}, which has none")
    return found


def _lengths(text: str | None) -> list[int] | None:
    try:
        return None if text is None else [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"--lengths must be numbers like 16,32,64. Received: {text!r}") from None

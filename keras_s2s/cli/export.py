"""The command `keras-s2s export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from keras_s2s.cli.models import load_translator
from keras_s2s.cli.options import File, Model, about
from keras_s2s.export.formats import FORMATS, Format
from keras_s2s.files.native_logs import without_remarks

ExportOutput = Annotated[
    Path, about("Output folder; for saved_model, the folder of all versions.", "DIR")
]
FormatName = Annotated[str, about("Export format.", "|".join(FORMATS), "--format")]
Quantize = Annotated[
    str,
    about(
        "Quantization of the weights; float16 for litert, int8 for litert and onnx.",
        "none|float16|int8",
    ),
]
MaxLength = Annotated[
    int | None,
    about("For litert: maximum source length in tokens; by default from the samples.", "N", min=1),
]
Lengths = Annotated[
    str | None,
    about(
        "For litert: source lengths in tokens; the export has an encode signature for each. By"
        " default two lengths, from the samples.",
        "N,N,...",
    ),
]
Version = Annotated[
    int | None,
    about("For saved_model: version number; by default the highest one plus 1.", "N", min=1),
]
Samples = Annotated[
    File,
    about(
        "Sentences for the numerical verification, one per line; by default sentences from the"
        " training data.",
        "FILE",
    ),
]


def export(
    model: Model,
    output: ExportOutput,
    form: FormatName = "litert",
    quantize: Quantize = "none",
    max_length: MaxLength = None,
    lengths: Lengths = None,
    version: Version = None,
    samples: Samples = None,
) -> None:
    """Export a model to LiteRT, ONNX or SavedModel. The export is verified numerically."""
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
        raise ValueError(f"--model must be a trained model. Received: {model}, an export")
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
        print(f"sources of up to {manifest['lengths'][-1]} tokens are read, longer ones truncated")
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

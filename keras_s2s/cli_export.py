"""The command that exports, and the way to whatever can translate: a model or an export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from keras_s2s.cli_options import File, Model, about
from keras_s2s.terminal import load_tensorflow

Format = "litert|onnx"


def export(
    model: Model,
    output: Annotated[Path, about("Folder for the export: a new one, or one to replace.", "DIR")],
    form: Annotated[
        str, typer.Option("--format", help="What it shall run on.", metavar=Format)
    ] = "litert",
    quantize: Annotated[
        str, about("What the weights are kept in; int8 is a quarter.", "none|float16|int8")
    ] = "none",
    max_length: Annotated[
        int | None, about("Longest source in tokens, for litert; 64 by default.", "N", min=1)
    ] = None,
    lengths: Annotated[
        str | None,
        about("Lengths of a source that get a signature each: 16,32,64 by default.", "N,N,..."),
    ] = None,
    samples: Annotated[
        File, about("Sentences, one a line, to compare with and to keep as examples.", "FILE")
    ] = None,
) -> None:
    """Export a model for phones and browsers (litert) or ONNX, and prove it equal."""
    if form not in Format.split("|"):
        raise ValueError(f"--format must be one of {Format}. Received: {form!r}")
    from keras_s2s import export as formats
    from keras_s2s.export.artifact import EXPORT
    from keras_s2s.export.litert import check_litert
    from keras_s2s.export.onnx import check_onnx

    options: dict[str, Any] = {"quantize": quantize, "samples": _read(samples)}
    if form == "litert":
        options["lengths"] = check_litert(quantize, _lengths(lengths or "16,32,64", max_length))
    elif max_length is not None or lengths is not None:
        raise ValueError("--max-length and --lengths go with --format litert; ONNX takes any")
    else:
        check_onnx(quantize)
    if EXPORT.is_in(EXPORT.find(model)):
        raise ValueError(f"{model} is an export already; --model must be what was trained")
    EXPORT.check_goal(output)
    translator = load_translator(model)
    manifest = getattr(formats, form)(translator, output, **options)
    for name, size in manifest["bytes"].items():
        print(f"{name}: {size / 1e6:,.2f} MB")
    for name, found in manifest["parity"].items():
        print(
            f"{name}: {found['same']} of {found['sentences']} answers are the model's, token for "
            f"token; {found['ties']} differ where two tokens are equally likely"
        )
        if found["first_difference"] is not None:
            print(f"  the first that differs: {found['first_difference']}")
    print(f"the export is in {output}")


def _read(samples: Path | None) -> list[str]:
    if samples is None:
        return []
    from keras_s2s.text.corpus import read_lines

    return [line for line in read_lines(str(samples)) if line.strip()]


def _lengths(text: str, longest: int | None) -> list[int]:
    try:
        lengths = [int(part) for part in text.split(",")]
    except ValueError:
        raise ValueError(f"--lengths must be numbers like 16,32,64. Received: {text!r}") from None
    if longest is None:
        return lengths
    return [length for length in lengths if length < longest] + [longest]


def load_translator(folder: Path) -> Any:
    """What translates with a folder: that of a trained model, or of an export.

    Raises:
        ValueError: It is neither, or damaged.
    """
    from keras_s2s.export.artifact import EXPORT, MANIFEST, read_manifest

    if (EXPORT.find(folder) / MANIFEST).is_file():
        from keras_s2s.export.runners import LiteRTTranslator, OnnxTranslator

        runners = {"litert": LiteRTTranslator, "onnx": OnnxTranslator}
        return runners[read_manifest(folder)["kind"]](folder)
    from keras_s2s.inference.storage import read_description

    read_description(folder)  # A wrong folder is told before TensorFlow's seconds.
    load_tensorflow()
    from keras_s2s.inference.translator import Translator

    return Translator.load(folder)

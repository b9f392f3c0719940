"""A translator's folder: what is in it, how it is written whole, how it is checked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_s2s.files.artifact_folder import FolderKind, are_names_inside, read_inside, versions
from keras_s2s.inference.loadable import check_loadable
from keras_s2s.search.checks import check_whole
from keras_s2s.search.strategies import Beam, Greedy
from keras_s2s.text.tokenizers import Tokenizer, load_tokenizer

if TYPE_CHECKING:
    from keras_s2s.model import Seq2Seq

DESCRIPTION = "translator.json"
FORMAT = "keras-s2s translator"
MODEL = "model.keras"
SAMPLES = "samples.json"
SOURCE, TARGET = "source_tokenizer", "target_tokenizer"
BEAM = {"beam_size": int, "length_penalty": float, "coverage_penalty": float}
OPTIONS = {**BEAM, "maximum_source_length": int}


# What a training leaves beside the translator; another translator may replace it.
COMPANIONS = (
    "recipe.json",
    "history.json",
    "history.csv",
    "training.json",
    "curves.png",
    "attention.png",
)

TRANSLATOR = FolderKind("a translator", DESCRIPTION, FORMAT, "the training", COMPANIONS)


def as_beam(search: Greedy | Beam) -> Beam:
    """The same search as the numbers of a beam, as files keep them: greedy search is a beam of one.

    Example:
        >>> as_beam(Greedy())
        Beam(beam_size=1, length_penalty=1.0, coverage_penalty=0.0, constraints=Constraints())
    """
    return search if isinstance(search, Beam) else Beam(1, constraints=search.constraints)


def saved_options(search: Greedy | Beam, maximum_source_length: int) -> dict[str, Any]:
    """The numbers of `OPTIONS` by their names."""
    beam = as_beam(search)
    numbers = {name: getattr(beam, name) for name in BEAM}
    return {**numbers, "maximum_source_length": maximum_source_length}


def save_parts(
    folder: Path,
    model: Seq2Seq,
    source: Tokenizer,
    target: Tokenizer,
    options: dict[str, Any],
    samples: list[str],
    write_companions: Callable[[Path], None] | None = None,
) -> None:
    """Write a translator's folder, with its companion files, whole or not at all.

    Raises:
        ValueError: What would be written could not be loaded, see `check_loadable`.
    """
    if model.custom_objects:
        check_loadable(model)
    with TRANSLATOR.replaced(folder) as new:
        if samples:
            text = json.dumps(samples, indent=1, ensure_ascii=False) + "\n"
            (new / SAMPLES).write_text(text, encoding="utf-8")
        _write_parts(new, model, source, target, options)
        if write_companions is not None:
            write_companions(new)


def _write_parts(
    new: Path, model: Seq2Seq, source: Tokenizer, target: Tokenizer, options: dict[str, Any]
) -> None:
    # Keras saves the optimizer of a compiled model too, three times the size of the weights.
    plain = model.with_dtype("float32") if model.compiled else model
    plain.save(new / MODEL)
    source.save(new / SOURCE)
    target.save(new / TARGET)
    description = {
        "options": options,
        "versions": versions("keras-s2s", "keras", "tensorflow"),
    }
    TRANSLATOR.describe(new, description)


def load_parts(
    folder: Path, custom_objects: Mapping[str, Any] | None = None
) -> tuple[tuple[Seq2Seq, Tokenizer, Tokenizer], dict[str, Any]]:
    """Read and check a translator's folder.

    Returns:
        What a translator is made of: model and tokenizers; and its keyword arguments by name.
    """
    folder = TRANSLATOR.find(folder)
    description = read_description(folder)
    source, target = load_tokenizers(folder, custom_objects)
    options = description["options"]
    length = options["maximum_source_length"]
    try:
        search = Beam(**{name: options[name] for name in BEAM})
        check_whole(1, maximum_source_length=length)
    except ValueError as error:
        raise ValueError(f"{folder / DESCRIPTION}: {error}") from error
    arguments: dict[str, Any] = {"search": search, "maximum_source_length": length}
    if "reverse_target" in options:
        arguments["reverse_target"] = options["reverse_target"]
    if SAMPLES in description["sha256"]:
        arguments["samples"] = _read_samples(folder / SAMPLES)
    return (_load_model(folder / MODEL, custom_objects), source, target), arguments


def load_tokenizers(
    folder: Path, custom_objects: Mapping[str, Any] | None = None
) -> tuple[Tokenizer, Tokenizer]:
    """Check a translator's folder and load its tokenizers, without the model."""
    folder = TRANSLATOR.find(folder)
    cure = "Copy the folder again, or train it again."
    TRANSLATOR.check_files(folder, read_description(folder)["sha256"], cure)
    source, target = (load_tokenizer(folder / name, custom_objects) for name in (SOURCE, TARGET))
    return source, target


def _read_samples(path: Path) -> list[str]:
    try:
        samples = json.loads(read_inside(path.parent, path.name))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged. Received: {error}. Copy the folder again.") from error
    if not isinstance(samples, list) or not all(isinstance(one, str) for one in samples):
        raise ValueError(f"{path} is damaged. Received: no list of texts. Copy the folder again.")
    return samples


def _load_model(path: Path, custom_objects: Mapping[str, Any] | None) -> Seq2Seq:
    import keras

    from keras_s2s.inference.model_file import check_model_file
    from keras_s2s.model import Seq2Seq

    check_model_file(path, custom_objects)
    try:
        model = keras.saving.load_model(
            path, custom_objects=dict(custom_objects or {}), compile=False, safe_mode=True
        )
    except Exception as error:  # Keras raises nearly any kind for a foreign file.
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(f"The model can't be read. Received: {path}: {reason}") from error
    if not isinstance(model, Seq2Seq):
        raise ValueError(f"The model must be a Seq2Seq. Received: {path}: {type(model).__name__}")
    return model


def read_description(folder: Path) -> dict[str, Any]:
    """Read and check what a translator's folder says about itself."""
    place = TRANSLATOR.find(folder)
    description = TRANSLATOR.read(place)
    digests, options = description.get("sha256"), description.get("options")
    needed = {MODEL, f"{SOURCE}/tokenizer.json", f"{TARGET}/tokenizer.json"}
    if (
        not isinstance(digests, dict)
        or not needed <= set(digests)
        or not are_names_inside(digests)
        or not isinstance(options, dict)
        or set(options) - {"reverse_target"} != set(OPTIONS)
        or not isinstance(options.get("reverse_target", False), bool)
        or not all(
            isinstance(options[name], (kind, int)) and not isinstance(options[name], bool)
            for name, kind in OPTIONS.items()
        )
    ):
        raise ValueError(
            f"{place / DESCRIPTION} is damaged. Received: wrong files or options. "
            "Copy the folder again."
        )
    return description

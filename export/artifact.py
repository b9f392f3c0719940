"""The folder of an export: its manifest, its tokenizers, and how both are checked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from keras_s2s.files.artifact_folder import FolderKind, are_names_inside, versions
from keras_s2s.inference.limits import DEFAULT_LIMIT, LengthLimit
from keras_s2s.special_ids import SPECIAL_IDS

from .formats import FORMATS, Format

MANIFEST = "manifest.json"
PIECES = "pieces.json"
FORMAT = "keras-s2s export"
SOURCE, TARGET = "source_tokenizer", "target_tokenizer"
EXPORT = FolderKind("an export", MANIFEST, FORMAT, "the export")
OPTIONS = {
    "beam_size": int,
    "length_penalty": (int, float),
    "coverage_penalty": (int, float),
    "maximum_source_length": int,
}
# Ranges of the fields of "default_limit", the same in all clients; a limit is at least 1.
LIMIT_RANGES = {"factor": range(11), "constant": range(1, 1001)}
# The limit of exports from before the manifest had it, whatever today's default is.
UNRECORDED_LIMIT = LengthLimit(factor=3, constant=20)
TOOLS = ("keras-s2s", "keras", "tensorflow", "ai-edge-litert", "onnxruntime", "tf2onnx")


def check_given(translator: Any, samples: Any) -> list[str]:
    """Raise TypeError unless both arguments of an export have the right types; return samples."""
    from keras_s2s.inference.translator import Translator

    if not isinstance(translator, Translator):
        raise TypeError(
            "`translator` must be a keras_s2s.Translator. "
            f"Received: translator of type {type(translator).__name__}"
        )
    if translator.reverse_target:
        raise ValueError(
            "A right-to-left model cannot be exported: it is meant for ensembles. Received: a "
            "translator with reverse_target=True. Export a left-to-right model, or distill the "
            "ensemble into one."
        )
    if isinstance(samples, (str, bytes)) or not isinstance(samples, Iterable):
        raise TypeError(f"`samples` must be a list of strings. Received: samples={samples!r}")
    samples = list(samples)
    if not all(isinstance(sample, str) for sample in samples):
        raise TypeError(f"`samples` must be strings. Received: samples={samples!r}")
    return samples


def write_manifest(
    new: Path, form: Format, translator: Any, content: dict[str, Any]
) -> dict[str, Any]:
    """Write the tokenizers, and the manifest, which lists all files of the folder.

    Args:
        new: The folder.
        form: The format.
        translator: The translator that is exported.
        content: The entries of this format.

    Returns:
        The manifest without its list of files.
    """
    tokenizers = _tokenizer_folders(form)
    save_tokenizer(translator.source_tokenizer, new / tokenizers["source"])
    save_tokenizer(translator.target_tokenizer, new / tokenizers["target"])
    manifest = {
        "kind": form.name,
        "special_ids": SPECIAL_IDS,
        "options": translator.options,
        "default_limit": DEFAULT_LIMIT._asdict(),
        "tokenizers": tokenizers,
        **content,
        "versions": versions(*TOOLS),
    }
    EXPORT.describe(new, manifest)
    return manifest


def save_tokenizer(tokenizer: Any, folder: Path) -> None:
    """Save a tokenizer; a SentencePiece vocabulary also as JSON, for clients without the library.

    `pieces` are spelled as in the model file, in the order of their ids; `scores` are integers, in
    units of 1/256.
    """
    from keras_s2s.text.tokenizers import SentencePieceTokenizer

    tokenizer.save(folder)
    if isinstance(tokenizer, SentencePieceTokenizer):
        pieces, scores = zip(*tokenizer.vocabulary(), strict=True)
        content = {"pieces": pieces, "scores": [round(256 * score) for score in scores]}
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        (folder / PIECES).write_text(text + "\n", encoding="utf-8", newline="\n")


def read_manifest(folder: str | Path) -> dict[str, Any]:
    """Read and check a manifest and every file that it lists.

    Args:
        folder: The folder of an export, or of versions of it.

    Returns:
        The manifest.

    Raises:
        ValueError: It is not an export, is damaged, or of another format version.
    """
    found = find_export(folder)
    manifest = EXPORT.read(found)
    if not _is_sound(manifest):
        raise ValueError(
            f"{found / MANIFEST} is damaged. Received: wrong entries. Copy the folder again."
        )
    EXPORT.check_files(found, manifest["sha256"], "Copy the folder again, or export it again.")
    return manifest


def default_limit(manifest: dict[str, Any]) -> LengthLimit:
    """The longest translation where the caller names none, from a manifest that was checked."""
    recorded = manifest.get("default_limit")
    return UNRECORDED_LIMIT if recorded is None else LengthLimit(**recorded)


def find_export(folder: str | Path) -> Path:
    """The folder of an export: the folder itself or, in a folder of versions, the highest one.

    An export that was moved aside by an interrupted process is found too, see `FolderKind`.
    """
    folder = Path(folder).resolve()
    if EXPORT.is_in(EXPORT.find(folder)):
        return EXPORT.find(folder)
    found = (EXPORT.find(folder / str(version)) for version in versions_in(folder))
    return next((place for place in found if EXPORT.is_in(place)), folder)


def versions_in(folder: Path) -> list[int]:
    """The versions in a folder, the highest first, including those that were moved aside."""
    if not folder.is_dir():
        return []
    names = (re.fullmatch(r"([1-9]\d*)|\.([1-9]\d*)\.previous", p.name) for p in folder.iterdir())
    return sorted({int(name[1] or name[2]) for name in names if name}, reverse=True)


def _tokenizer_folders(form: Format) -> dict[str, str]:
    return {"source": form.tokenizers + SOURCE, "target": form.tokenizers + TARGET}


def _is_sound(manifest: dict[str, Any]) -> bool:
    """Whether every entry has the right type, and every file that is named has a digest."""
    digests: Any = manifest.get("sha256")
    kind = manifest.get("kind")
    form = FORMATS.get(kind) if isinstance(kind, str) else None
    if form is None or not are_names_inside(digests) or not _has_signatures(manifest):
        return False
    tokenizers = _tokenizer_folders(form)
    files = form.files | {f"{folder}/tokenizer.json" for folder in tokenizers.values()}
    return (
        files <= set(digests)
        and all(isinstance(value, str) for value in digests.values())
        and manifest.get("tokenizers") == tokenizers
        and _are_options(manifest.get("options"))
        and ("default_limit" not in manifest or _is_limit(manifest["default_limit"]))
        and manifest.get("special_ids") == SPECIAL_IDS
        and (form.is_sound is None or form.is_sound.load()(manifest))
    )


def _are_options(options: Any) -> bool:
    return (
        isinstance(options, dict)
        and set(options) == set(OPTIONS)
        and all(
            isinstance(value, OPTIONS[name])
            and not isinstance(value, bool)
            and value >= (OPTIONS[name] is int)
            for name, value in options.items()
        )
    )


def _is_limit(limit: Any) -> bool:
    return (
        isinstance(limit, dict)
        and set(limit) == set(LIMIT_RANGES)
        and all(type(value) is int and value in LIMIT_RANGES[n] for n, value in limit.items())
    )


def _has_signatures(manifest: dict[str, Any]) -> bool:
    signatures = manifest.get("signatures")
    return (
        isinstance(signatures, dict)
        and {"encode", "decode_step"} <= set(signatures)
        and all(
            isinstance(one, dict)
            and all(_are_tensors(one.get(side)) for side in ("inputs", "outputs"))
            for one in signatures.values()
        )
    )


def _are_tensors(tensors: Any) -> bool:
    return isinstance(tensors, dict) and all(
        isinstance(one, dict) and isinstance(one.get("shape"), list) and one["shape"]
        for one in tensors.values()
    )

"""What every exported folder has: a manifest, tokenizers, and a way to be written whole."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from keras_s2s.files.artifact_folder import FolderKind, are_names_inside, versions
from keras_s2s.special_ids import SPECIAL_IDS

MANIFEST = "manifest.json"
PIECES = "pieces.json"
FORMAT = "keras-s2s export"
SOURCE, TARGET = "source_tokenizer", "target_tokenizer"
EXPORT = FolderKind("an export", MANIFEST, FORMAT, "the export")
FILES = {
    "onnx": {"encoder.onnx", "decode_step.onnx"},
    "saved_model": {
        "saved_model.pb",
        "variables/variables.index",
        "variables/variables.data-00000-of-00001",
    },
}
OPTIONS = {
    "beam_size": int,
    "length_penalty": (int, float),
    "coverage_penalty": (int, float),
    "maximum_source_length": int,
}
TOOLS = ("keras-s2s", "keras", "tensorflow", "ai-edge-litert", "onnxruntime", "tf2onnx")


def check_given(translator: Any, samples: Any) -> list[str]:
    """Raise TypeError unless these can be exported and tried; return the samples."""
    from keras_s2s.inference.translator import Translator

    if not isinstance(translator, Translator):
        raise TypeError(
            "A keras_s2s.Translator is exported. "
            f"Received: translator of type {type(translator).__name__}"
        )
    if isinstance(samples, (str, bytes)) or not isinstance(samples, Iterable):
        raise TypeError(f"`samples` must be a list of strings. Received: samples={samples!r}")
    samples = list(samples)
    if not all(isinstance(sample, str) for sample in samples):
        raise TypeError(f"`samples` must be strings. Received: samples={samples!r}")
    return samples


def write_manifest(
    new: Path, kind: str, translator: Any, content: dict[str, Any], tokenizers: str = ""
) -> dict[str, Any]:
    """Write the tokenizers and the manifest, which lists all files there are.

    Args:
        new: The folder.
        kind: "litert", "onnx" or "saved_model".
        translator: Whose tokenizers and options they are.
        content: What the format adds.
        tokenizers: What comes before the names of the tokenizers' folders.

    Returns:
        The manifest without its list of files.
    """
    places = _tokenizer_places(tokenizers)
    save_tokenizer(translator.source_tokenizer, new / places["source"])
    save_tokenizer(translator.target_tokenizer, new / places["target"])
    manifest = {
        "kind": kind,
        "special_ids": SPECIAL_IDS,
        "options": translator.options,
        "tokenizers": places,
        **content,
        "versions": versions(*TOOLS),
    }
    EXPORT.describe(new, manifest)
    return manifest


def save_tokenizer(tokenizer: Any, folder: Path) -> None:
    """Save a tokenizer; SentencePiece's vocabulary also as JSON, for clients without its library.

    `pieces` are as the model file spells them, by id; `scores` are in 256ths, whole numbers.
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
        folder: Where an export was written, or a folder of versions.

    Returns:
        The manifest.

    Raises:
        ValueError: It is no export, a damaged one, or one of another version.
    """
    place = find_export(folder)
    manifest = EXPORT.read(place)
    if not _is_sound(manifest):
        raise ValueError(
            f"{place / MANIFEST} is damaged. Received: wrong entries. Copy the folder again."
        )
    EXPORT.check_files(place, manifest["sha256"], "Copy the folder again, or export it again.")
    return manifest


def find_export(folder: str | Path) -> Path:
    """Where an export is: the folder itself or, of versions, the highest one.

    What a process left that was stopped between two renames counts, see `FolderKind`.
    """
    folder = Path(folder).resolve()
    if EXPORT.is_in(EXPORT.find(folder)):
        return EXPORT.find(folder)
    found = (EXPORT.find(folder / str(version)) for version in versions_in(folder))
    return next((place for place in found if EXPORT.is_in(place)), folder)


def versions_in(folder: Path) -> list[int]:
    """The versions in a folder, the highest first, with those that were moved aside."""
    if not folder.is_dir():
        return []
    names = (re.fullmatch(r"([1-9]\d*)|\.([1-9]\d*)\.previous", p.name) for p in folder.iterdir())
    return sorted({int(name[1] or name[2]) for name in names if name}, reverse=True)


def _tokenizer_places(prefix: str) -> dict[str, str]:
    return {"source": prefix + SOURCE, "target": prefix + TARGET}


def _is_sound(manifest: dict[str, Any]) -> bool:
    """Whether all entries are of the right kind, and every file that is named is a checked one."""
    digests: Any = manifest.get("sha256")
    options: Any = manifest.get("options")
    kind = manifest.get("kind")
    if not are_names_inside(digests) or not isinstance(options, dict):
        return False
    if kind == "litert":
        lengths: Any = manifest.get("lengths")
        if not _are_lengths(lengths) or not _has_signatures(manifest, lengths[:-1]):
            return False
        files = {str(manifest.get("file"))}
    elif isinstance(kind, str) and kind in FILES:
        if not _has_signatures(manifest, []):
            return False
        files = FILES[kind]
    else:
        return False
    places = _tokenizer_places("assets/" if kind == "saved_model" else "")
    return (
        files | {f"{place}/tokenizer.json" for place in places.values()} <= set(digests)
        and all(isinstance(value, str) for value in digests.values())
        and manifest.get("tokenizers") == places
        and set(options) == set(OPTIONS)
        and all(
            isinstance(value, OPTIONS[name])
            and not isinstance(value, bool)
            and value >= (OPTIONS[name] is int)
            for name, value in options.items()
        )
        and manifest.get("special_ids") == SPECIAL_IDS
    )


def _are_lengths(lengths: Any) -> bool:
    return (
        isinstance(lengths, list)
        and bool(lengths)
        and all(isinstance(length, int) and length > 0 for length in lengths)
        and lengths == sorted(set(lengths))
    )


def _has_signatures(manifest: dict[str, Any], lengths: list[int]) -> bool:
    signatures = manifest.get("signatures")
    needed = {"encode", "decode_step", *(f"encode_{length}" for length in lengths)}
    return (
        isinstance(signatures, dict)
        and needed <= set(signatures)
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

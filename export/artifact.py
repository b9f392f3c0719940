"""What every exported folder has: a manifest, tokenizers, and a way to be written whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from keras_s2s.folders import FolderKind, are_names_inside, versions

MANIFEST = "manifest.json"
FORMAT = "keras-s2s export"
FORMAT_VERSION = 1
SOURCE, TARGET = "source_tokenizer", "target_tokenizer"
PAD_ID, UNK_ID, START_ID, END_ID = range(4)
SPECIAL_IDS = {"pad": PAD_ID, "unk": UNK_ID, "start": START_ID, "end": END_ID}
EXPORT = FolderKind("an export", MANIFEST, FORMAT)
OPTIONS = {
    "beam_size": int,
    "length_penalty": (int, float),
    "coverage_penalty": (int, float),
    "maximum_source_length": int,
}
TOOLS = ("keras-s2s", "keras", "tensorflow", "ai-edge-litert", "onnxruntime", "tf2onnx")


def write_manifest(new: Path, kind: str, translator: Any, content: dict[str, Any]) -> dict:
    """Write the tokenizers and the manifest, which lists all files there are.

    Args:
        new: The folder.
        kind: "litert" or "onnx".
        translator: Whose tokenizers and options they are.
        content: What the format adds.

    Returns:
        The manifest without its list of files.
    """
    translator.source_tokenizer.save(new / SOURCE)
    translator.target_tokenizer.save(new / TARGET)
    manifest = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "kind": kind,
        "special_ids": SPECIAL_IDS,
        "options": {
            "beam_size": translator.beam_size,
            "length_penalty": translator.length_penalty,
            "coverage_penalty": translator.coverage_penalty,
            "maximum_source_length": translator.maximum_source_length,
        },
        "tokenizers": {"source": SOURCE, "target": TARGET},
        **content,
        "versions": versions(*TOOLS),
    }
    EXPORT.describe(new, manifest)
    return manifest


def read_manifest(folder: str | Path) -> dict[str, Any]:
    """Read and check a manifest and every file that it lists.

    Args:
        folder: Where an export was written.

    Returns:
        The manifest.

    Raises:
        ValueError: It is no export, a damaged one, or one of another version.
    """
    path = EXPORT.find(Path(folder)) / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
    except OSError as error:
        raise ValueError(
            f"This must be a folder that was exported. Received: {str(folder)!r} "
            f"({error.strerror}: {MANIFEST}). Name the --output folder of the export."
        ) from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged. Received: {error}. Copy the folder again.") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ValueError(f"{path} describes no export. Received: format is not {FORMAT!r}.")
    if manifest.get("format_version") != FORMAT_VERSION:
        raise ValueError(
            f"{path} must have format version {FORMAT_VERSION}. Received: format_version="
            f"{manifest.get('format_version')!r}. Use the keras-s2s that wrote it."
        )
    if not _is_sound(manifest):
        raise ValueError(f"{path} is damaged. Received: wrong entries. Copy the folder again.")
    EXPORT.check_files(
        path.parent, manifest["sha256"], "Copy the folder again, or export it again."
    )
    return manifest


def _is_sound(manifest: dict[str, Any]) -> bool:
    """Whether all entries are of the right kind, and every file that is named is a checked one."""
    digests: Any = manifest.get("sha256")
    options: Any = manifest.get("options")
    kind = manifest.get("kind")
    if not are_names_inside(digests) or not isinstance(options, dict):
        return False
    files = {f"{SOURCE}/tokenizer.json", f"{TARGET}/tokenizer.json"}
    if kind == "litert":
        lengths: Any = manifest.get("lengths")
        if not _are_lengths(lengths) or not _has_signatures(manifest, lengths[:-1]):
            return False
        files.add(str(manifest.get("file")))
    elif kind == "onnx":
        if not _has_signatures(manifest, []):
            return False
        files |= {"encoder.onnx", "decode_step.onnx"}
    else:
        return False
    return (
        files <= set(digests)
        and all(isinstance(value, str) for value in digests.values())
        and manifest.get("tokenizers") == {"source": SOURCE, "target": TARGET}
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
        and set(signatures) == needed
        and all(
            isinstance(one, dict)
            and all(isinstance(one.get(side), dict) for side in ("inputs", "outputs"))
            for one in signatures.values()
        )
    )

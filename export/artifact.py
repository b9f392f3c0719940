"""What every exported folder has: a manifest, tokenizers, and a way to be written whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from keras_s2s.folders import FolderKind, are_names_inside, versions

MANIFEST = "manifest.json"
FORMAT = "keras-s2s export"
FORMAT_VERSION = 1
SOURCE, TARGET = "source_tokenizer", "target_tokenizer"
SPECIAL_IDS = {"pad": 0, "unk": 1, "start": 2, "end": 3}
EXPORT = FolderKind("an export", MANIFEST)
KINDS = ("litert", "onnx")
TOOLS = ("keras-s2s", "keras", "tensorflow", "ai-edge-litert", "onnxruntime", "tf2onnx")


@contextmanager
def new_artifact(folder: str | Path) -> Iterator[Path]:
    """Give a folder to write an artifact into; it takes its place when all has gone well."""
    with EXPORT.replaced(Path(folder)) as new:
        yield new


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
    digests: Any = manifest.get("sha256")
    if manifest.get("kind") not in KINDS or not are_names_inside(digests):
        raise ValueError(f"{path} is damaged. Received: wrong kind or files. Copy it again.")
    EXPORT.check_files(path.parent, digests, "Copy the folder again, or export it again.")
    return manifest

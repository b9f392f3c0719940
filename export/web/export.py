"""Write the page that runs a LiteRT export in a browser."""

from __future__ import annotations

import shutil
from pathlib import Path

from keras_s2s.files.artifact_folder import FolderKind

from ..artifact import MANIFEST, find_export, read_manifest
from ..formats import LITERT
from .litert_js import CLIENT, runtime_files

SITE = FolderKind("a page", "page.json", "keras-s2s page", "keras-s2s web")


def web(model: str | Path, folder: str | Path) -> dict[str, int]:
    """Write the page with a model, for any static host.

    All its addresses are relative, so it works in any folder of a host. Over HTTPS and on localhost
    the browser caches it for use offline.

    Args:
        model: The folder of a LiteRT export.
        folder: The folder to write; another page there is replaced.

    Returns:
        The size of each file in bytes, by name.

    Raises:
        ValueError: `model` is not a LiteRT export or is damaged, or `folder` holds something else.
        FileNotFoundError: LiteRT.js is not installed, and neither is npm, which fetches it.
        OSError: The folder cannot be written, or npm failed.
    """
    SITE.check_goal(Path(folder))
    files = site_files(model)
    with SITE.replaced(Path(folder)) as new:
        for name, path in files.items():
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, new / name)
        SITE.describe(new, {})
    return {name: path.stat().st_size for name, path in files.items()}


def site_files(model: str | Path) -> dict[str, Path]:
    """The files of the page, by their address relative to it."""
    manifest = read_manifest(model)
    if manifest["kind"] != LITERT.name:
        raise ValueError(
            "A browser runs LiteRT exports (keras-s2s export --format litert). "
            f"Received: {str(model)!r}, of kind {manifest['kind']!r}."
        )
    folder = find_export(model)
    page = (path for path in CLIENT.iterdir() if path.suffix in {".html", ".css", ".js"})
    return {
        **{path.name: path for path in sorted(page)},
        **{f"litert/{name}": path for name, path in runtime_files().items()},
        **{f"model/{name}": folder / name for name in (MANIFEST, *sorted(manifest["sha256"]))},
    }

"""The page that runs a LiteRT export in a browser, as files for any host."""

from __future__ import annotations

import shutil
from pathlib import Path

from keras_s2s.files.artifact_folder import FolderKind

from ..artifact import MANIFEST, find_export, read_manifest
from .litert_js import CLIENT, runtime_files

SITE = FolderKind("a page", "page.json", "keras-s2s page", "keras-s2s web")


def web(model: str | Path, folder: str | Path) -> dict[str, int]:
    """Write the page with a model, for any host of static files.

    Nothing in it names the place where it lies: it works in any folder of a host. Over https, and
    from localhost, browsers keep it for use without a network; elsewhere they don't.

    Args:
        model: What `litert` wrote.
        folder: Goal; another page there is replaced.

    Returns:
        The size of each file in bytes, by its name.

    Raises:
        ValueError: No LiteRT export, a damaged one, or a folder that holds something else.
        FileNotFoundError: LiteRT.js is not here and npm, which fetches it, neither.
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
    """Every file of the page, by the name under which the page asks for it."""
    manifest = read_manifest(model)
    if manifest["kind"] != "litert":
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

"""LiteRT.js for the page: installed by `make web`, or fetched from npm once."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from keras_s2s.files.artifact_folder import FolderKind

RUNTIME = FolderKind("LiteRT.js", "runtime.json", "keras-s2s runtime", "make web")
CLIENT = Path(__file__).resolve().parents[1] / "clients" / "web"
BUILT_IN = CLIENT / "litert"
PATIENCE = 600  # Seconds for npm.
LOCK = ("package.json", "package-lock.json")
# The path of each file in npm's folder, by its address on the page. The page loads one of the two
# pairs: "compat" in browsers without relaxed SIMD.
PACKAGED = {
    "core.js": "@litertjs/core/dist/index.js",
    "wasm-utils.js": "@litertjs/wasm-utils/dist/index.js",
    **{
        f"wasm/{name}": f"@litertjs/core/wasm/{name}"
        for stem in ("litert_wasm_internal", "litert_wasm_compat_internal")
        for name in (f"{stem}.js", f"{stem}.wasm")
    },
}


def runtime_files() -> dict[str, Path]:
    """The files of LiteRT.js, by their address on the page.

    Raises:
        FileNotFoundError: It is not installed, and neither is npm, which fetches it.
        OSError: npm failed, or the disk is full.
    """
    folder = next((place for place in (BUILT_IN, _cache()) if _is_whole(place)), None)
    if folder is None:
        folder = _cache()
        fetch_runtime(folder)
    return {name: folder / name for name in PACKAGED}


def fetch_runtime(goal: Path) -> None:
    """Write LiteRT.js into a folder, which is replaced as a whole; raises as `install`."""
    with tempfile.TemporaryDirectory() as place, RUNTIME.replaced(goal) as new:
        packages = install(Path(place))
        for name, packaged in PACKAGED.items():
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(packages / packaged, new / name)
        RUNTIME.describe(new, {})


def install(folder: Path) -> Path:
    """Fetch LiteRT.js with npm, in the versions and with the digests of the lock file.

    Args:
        folder: An existing folder for npm's files.

    Returns:
        The folder of the packages.

    Raises:
        FileNotFoundError: npm is not installed.
        OSError: npm failed, or the disk is full.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError(
            "The page needs LiteRT.js, which npm fetches once, and npm was not found. Install "
            "Node.js 18 or newer, or copy a page written elsewhere (keras-s2s web --output)"
        )
    print("fetching LiteRT.js with npm, once", file=sys.stderr, flush=True)
    for name in LOCK:
        shutil.copyfile(CLIENT / name, folder / name)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired as error:
        raise OSError(f"npm could not fetch LiteRT.js in {PATIENCE} seconds") from error
    packages = folder / "node_modules"
    if done.returncode or not all((packages / name).is_file() for name in PACKAGED.values()):
        lines = done.stderr.strip().splitlines() or ["no message"]
        errors = [line for line in lines if line.lower().startswith("npm err")] or lines[-1:]
        raise OSError(f"npm could not fetch LiteRT.js. Received: {errors[0]}")
    return packages


def _cache() -> Path:
    """The cache folder, one for each version of the lock file."""
    found = hashlib.sha256((CLIENT / LOCK[1]).read_bytes()).hexdigest()[:12]
    try:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError as error:
        raise OSError("LiteRT.js needs a folder to be kept in: set XDG_CACHE_HOME") from error
    return home / "keras-s2s" / f"litert-js-{found}"


def _is_whole(folder: Path) -> bool:
    try:
        digests = RUNTIME.read(folder)["sha256"]
        RUNTIME.check_files(folder, digests, "")
    except (ValueError, KeyError):
        return False
    return set(PACKAGED) <= set(digests)

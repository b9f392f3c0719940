"""A translator's folder: what is in it, how it is written whole, how it is checked."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_s2s.text.tokenizers import Tokenizer, load_tokenizer

if TYPE_CHECKING:
    from keras_s2s.model import Seq2Seq

DESCRIPTION = "translator.json"
FORMAT = "keras-s2s translator"
FORMAT_VERSION = 1
MODEL = "model.keras"
SOURCE, TARGET = "source_tokenizer", "target_tokenizer"
OPTIONS = {
    "beam_size": int,
    "length_penalty": float,
    "coverage_penalty": float,
    "maximum_source_length": int,
}


# What a training leaves beside the translator; another translator may replace it.
COMPANIONS = ("recipe.json", "history.json", "curves.png", "attention.png")


def check_goal(folder: Path) -> Path:
    """Raise unless a translator may be saved in a folder and can be; mend what a crash left.

    Args:
        folder: Need not exist.

    Returns:
        The folder by its full name, which a change of the working directory does not touch.

    Raises:
        ValueError: It is a file, or holds something that is no translator's.
        OSError: It cannot be written.
    """
    folder = folder.resolve()
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"A translator is saved in a folder. Received: {str(folder)!r}, a file.")
    if not folder.name:
        raise ValueError(f"A translator needs a folder with a name. Received: {str(folder)!r}.")
    others = _others(folder)
    if others:
        raise ValueError(
            "A translator is saved in a folder of its own, which is replaced as a whole. Received: "
            f"{str(folder)!r}, which holds {others[0]!r}. Move that away, or name another folder."
        )
    previous = _previous(folder)
    if _holds_translator(previous):
        if _holds_translator(folder):
            shutil.rmtree(previous)
        else:
            if folder.exists():
                folder.rmdir()
            previous.rename(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent):
        return folder


def _holds_translator(folder: Path) -> bool:
    return (folder / DESCRIPTION).is_file()


def _others(folder: Path) -> list[str]:
    """What is in a folder besides a translator and its companions; all, where there is none."""
    if not folder.exists():
        return []
    if not _holds_translator(folder):
        return sorted(path.name for path in folder.iterdir())
    try:
        own = set(json.loads((folder / DESCRIPTION).read_bytes())["sha256"])
    except (ValueError, KeyError, TypeError, RecursionError):
        own = set()
    own |= {DESCRIPTION, *COMPANIONS}
    files = (path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())
    return sorted({path.relative_to(folder).as_posix() for path in files} - own)


def save_parts(
    folder: Path,
    model: Seq2Seq,
    source: Tokenizer,
    target: Tokenizer,
    options: dict[str, Any],
    write_companions: Callable[[Path], None] | None = None,
) -> None:
    """Write a translator's folder beside its goal, with what goes with it, and rename it.

    A folder that is there already steps aside first, so between two renames there is none of the
    name. A process that dies just then leaves the old one as `.NAME.previous`, where `load_parts`
    finds it; anywhere else it leaves the old or the new one in place. What a killed process had
    written so far lies in `.NAME-...` and may be deleted.
    """
    folder = check_goal(folder)
    previous = _previous(folder)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
        new = Path(temporary) / "new"
        new.mkdir()
        _write_parts(new, model, source, target, options)
        if write_companions is not None:
            write_companions(new)
        try:
            if folder.exists():
                folder.rename(previous)
            new.rename(folder)
        except BaseException:
            if previous.exists() and not folder.exists():
                previous.rename(folder)
            raise
    shutil.rmtree(previous, ignore_errors=True)


def _write_parts(
    new: Path, model: Seq2Seq, source: Tokenizer, target: Tokenizer, options: dict[str, Any]
) -> None:
    # Keras saves the optimizer of a compiled model too, three times the size of the weights.
    plain = model.with_dtype("float32") if model.compiled else model
    plain.save(new / MODEL)
    source.save(new / SOURCE)
    target.save(new / TARGET)
    description = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "options": options,
        "sha256": {
            path.relative_to(new).as_posix(): _digest(path)
            for path in sorted(new.rglob("*"))
            if path.is_file()
        },
        "versions": {name: _version(name) for name in ("keras-s2s", "keras", "tensorflow")},
    }
    text = json.dumps(description, indent=1, ensure_ascii=False) + "\n"
    (new / DESCRIPTION).write_text(text, encoding="utf-8")


def _previous(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.previous")


def _find(folder: Path) -> Path:
    """The folder, or what `save_parts` left of it if it was stopped between two renames."""
    folder = folder.resolve()
    previous = _previous(folder)
    return previous if _holds_translator(previous) and not _holds_translator(folder) else folder


def load_parts(folder: Path) -> tuple[Seq2Seq, Tokenizer, Tokenizer, dict[str, Any]]:
    """Read and check a translator's folder: model, tokenizers and options."""
    folder = _find(folder)
    description = read_description(folder)
    for name, digest in description["sha256"].items():
        path = folder / name
        if not path.is_file() or _digest(path) != digest:
            raise ValueError(
                f"A file of the translator is missing or damaged. Received: {path}. "
                "Copy the folder again, or train it again."
            )
    source, target = (load_tokenizer(folder / name) for name in (SOURCE, TARGET))
    return _load_model(folder / MODEL), source, target, description["options"]


def _load_model(path: Path) -> Seq2Seq:
    import keras

    from keras_s2s.model import Seq2Seq

    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises nearly any kind for a foreign file.
        reason = str(error).strip().partition("\n")[0]
        raise ValueError(f"The model can't be read. Received: {path}: {reason}") from error
    if not isinstance(model, Seq2Seq):
        raise ValueError(f"The model must be a Seq2Seq. Received: {path}: {type(model).__name__}")
    return model


def read_description(folder: Path) -> dict[str, Any]:
    """Read and check what a translator's folder says about itself."""
    path = _find(folder) / DESCRIPTION
    try:
        description = json.loads(path.read_bytes())
    except OSError as error:
        raise ValueError(
            f"This must be a folder that a translator was saved in. Received: {str(folder)!r} "
            f"({error.strerror}: {DESCRIPTION}). Name the --output folder of the training."
        ) from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged. Received: {error}. Copy the folder again.") from error
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        raise ValueError(f"{path} describes no translator. Received: format is not {FORMAT!r}.")
    if description.get("format_version") != FORMAT_VERSION:
        raise ValueError(
            f"{path} must have format version {FORMAT_VERSION}. Received: format_version="
            f"{description.get('format_version')!r}. Use the keras-s2s that saved it."
        )
    digests, options = description.get("sha256"), description.get("options")
    needed = {MODEL, f"{SOURCE}/tokenizer.json", f"{TARGET}/tokenizer.json"}
    if (
        not isinstance(digests, dict)
        or not needed <= set(digests)
        or any(Path(name).is_absolute() or ".." in Path(name).parts for name in digests)
        or not isinstance(options, dict)
        or set(options) != set(OPTIONS)
        or not all(
            isinstance(options[name], (kind, int)) and not isinstance(options[name], bool)
            for name, kind in OPTIONS.items()
        )
    ):
        raise ValueError(
            f"{path} is damaged. Received: wrong files or options. Copy the folder again."
        )
    return description


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None

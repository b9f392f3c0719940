"""The saved form of a tokenizer, and checks of its arguments."""

import json
from pathlib import Path
from typing import Any

from keras_s2s.files.artifact_folder import read_inside
from keras_s2s.special_ids import SPECIAL_IDS

SETTINGS_FILE = "tokenizer.json"
FORMAT = "keras_s2s tokenizer"
FORMAT_VERSION = 1
MOST_BYTES = 2**26  # Twice the size of a million words.


def write_settings(folder: Path, settings: dict[str, Any]) -> None:
    """Writes the JSON file of a tokenizer.

    Args:
        folder: An existing folder.
        settings: The entries of the tokenizer.
    """
    head = {"format": FORMAT, "version": FORMAT_VERSION, "special_ids": SPECIAL_IDS}
    text = json.dumps({**head, **settings}, ensure_ascii=False, indent=1)
    (folder / SETTINGS_FILE).write_text(text + "\n", encoding="utf-8", newline="\n")


def read_settings(folder: Path, class_name: str | None = None) -> dict[str, Any]:
    """Reads the JSON file of a tokenizer and checks the entries that all classes share.

    Args:
        folder: A folder that a tokenizer was saved in.
        class_name: The name of the tokenizer's class; None for any.

    Returns:
        The content of the file, with "class" and "normalization" being strings.

    Raises:
        ValueError: If the file is missing, damaged, foreign, from a newer version, or of another
            class.
    """
    path = folder / SETTINGS_FILE
    try:
        content = read_inside(folder, SETTINGS_FILE, MOST_BYTES)
    except OSError as error:
        raise ValueError(
            f"{folder} must be a folder that a tokenizer was saved in. Received: {error}. "
            "Name the folder that was given to save()."
        ) from error
    try:
        settings = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(damaged(path, f"no JSON, {error}")) from error
    if not isinstance(settings, dict) or settings.get("format") != FORMAT:
        raise ValueError(damaged(path, f"no format={FORMAT!r}"))
    if settings.get("version") != FORMAT_VERSION:
        raise ValueError(
            f"{path} must have format version {FORMAT_VERSION}. "
            f"Received: version {settings.get('version')!r}. "
            "Load it with the version of keras-s2s that saved it, or a newer one."
        )
    if settings.get("special_ids") != SPECIAL_IDS:
        found = settings.get("special_ids")
        raise ValueError(damaged(path, f"special_ids={found!r} instead of {SPECIAL_IDS}"))
    for name in ("class", "normalization"):
        if not isinstance(settings.get(name), str):
            raise ValueError(damaged(path, f"{name}={settings.get(name)!r}"))
    if class_name not in (None, settings["class"]):
        raise ValueError(
            f"{path} must hold a {class_name}. Received: class={settings['class']!r}. "
            "Use load_tokenizer, which finds the class by itself."
        )
    return settings


def build(cls: Any, settings: dict[str, Any], folder: Path) -> Any:
    """Builds a tokenizer from what `save` wrote.

    Args:
        cls: The class of the tokenizer.
        settings: From `read_settings`.
        folder: The folder that they were read from.

    Returns:
        The tokenizer.

    Raises:
        ValueError: If the files are damaged.
    """
    path = folder / SETTINGS_FILE
    try:
        tokenizer = cls.from_files(settings, folder)
    except (KeyError, TypeError, ValueError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(damaged(path, reason)) from error
    if tokenizer.vocabulary_size != settings.get("vocabulary_size"):
        reason = f"{tokenizer.vocabulary_size} ids instead of vocabulary_size"
        raise ValueError(damaged(path, reason))
    return tokenizer


def missing_method(tokenizer: Any, method: str, purpose: str) -> TypeError:
    """Returns the error for a method that a tokenizer class need not have, and has not.

    Args:
        tokenizer: The tokenizer.
        method: The name of the method.
        purpose: What it is needed for, as the beginning of a sentence.
    """
    return TypeError(
        f"{purpose} with the tokenizer's method `{method}`. Received: a "
        f"{type(tokenizer).__name__}, which does not implement it. Override it."
    )


def damaged(path: Path, reason: str) -> str:
    """Returns the message for a file that `save` did not write.

    Args:
        path: The file.
        reason: What was found.

    Returns:
        The message.
    """
    return (
        f"{path} must be as Tokenizer.save wrote it. Received: {reason}. "
        "Copy the folder anew from where it was made, or train the tokenizer again."
    )


def check_vocabulary_size(vocabulary_size: int | None, reserved: int = 0) -> None:
    """Checks the number of ids of a new tokenizer.

    Args:
        vocabulary_size: The number, or None.
        reserved: How many ids are needed for protected symbols.

    Raises:
        ValueError: If there is no id left for text.
    """
    least = len(SPECIAL_IDS) + reserved + 1
    if vocabulary_size is not None and vocabulary_size < least:
        others = f", and protected symbols need {reserved}" if reserved else ""
        raise ValueError(
            f"`vocabulary_size` must be at least {least}, as four ids are special{others}. "
            f"Received: vocabulary_size={vocabulary_size}. Give more."
        )

"""The tokenizer classes, and how a saved tokenizer of any class is loaded."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_s2s.special_ids import END_ID, PAD_ID, START_ID, UNK_ID, UNKNOWN_TEXT
from keras_s2s.text.registry import (
    check_findable,
    find_class,
    register_tokenizer,
    registered_names,
)
from keras_s2s.text.sentencepiece_tokenizer import SentencePieceTokenizer
from keras_s2s.text.symbol_tokenizers import CharacterTokenizer, WordTokenizer
from keras_s2s.text.tokenizer import Tokenizer
from keras_s2s.text.tokenizer_files import SETTINGS_FILE, build, read_settings

__all__ = [
    "END_ID",
    "PAD_ID",
    "START_ID",
    "UNK_ID",
    "UNKNOWN_TEXT",
    "CharacterTokenizer",
    "SentencePieceTokenizer",
    "Tokenizer",
    "WordTokenizer",
    "check_loadable",
    "load_tokenizer",
    "register_tokenizer",
]


def load_tokenizer(
    folder: str | Path, custom_objects: Mapping[str, Any] | None = None
) -> Tokenizer:
    """Loads a tokenizer of any class from the folder that it was saved in.

    Args:
        folder: The folder.
        custom_objects: Classes of your own by name. They may instead be registered with
            `register_tokenizer` or `keras.saving.register_keras_serializable`.

    Returns:
        A tokenizer that gives the same ids as the one that was saved.

    Raises:
        TypeError: If `custom_objects` gives something else than a tokenizer class.
        ValueError: If the folder holds no tokenizer, a damaged one, or one of an unknown class.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     WordTokenizer(["K", "AE1", "T"]).save(folder)
        ...     load_tokenizer(folder).encode("T AE1 K")
        [6, 5, 4]
    """
    folder = Path(folder)
    settings = read_settings(folder)
    name = settings["class"]
    found = find_class(Tokenizer, name, custom_objects)
    if found is None:
        raise ValueError(
            f"{folder / SETTINGS_FILE} must hold a class that is known. Received: class={name!r}, "
            f"which is none of {registered_names()} and not in custom_objects. Register the class "
            "with `register_tokenizer`, or pass it."
        )
    if not (isinstance(found, type) and issubclass(found, Tokenizer)):
        raise TypeError(
            "`custom_objects` must give a subclass of keras_s2s.text.tokenizers.Tokenizer for "
            f"{name!r}. Received: {found!r}"
        )
    return build(found, settings, folder)


def check_loadable(tokenizer: Tokenizer) -> None:
    """Raises unless a tokenizer can be saved, and loaded again in another process.

    It is saved into a temporary folder, loaded and saved again. Call it before a training, whose
    result could otherwise not be loaded.

    Args:
        tokenizer: The tokenizer.

    Raises:
        ValueError: If its class cannot be found, or what it saves is not all that it needs.
    """
    cls = type(tokenizer)
    check_findable(Tokenizer, cls)
    try:
        first, second = _saved_twice(tokenizer, {cls.__name__: cls})
    except (TypeError, ValueError) as error:
        raise ValueError(_not_loadable(cls, str(error))) from error
    if first != second:
        names = sorted(name for name in first | second if first.get(name) != second.get(name))
        raise ValueError(_not_loadable(cls, f"{names[0]} differs after saving and loading"))


def have_same_files(first: Tokenizer, second: Tokenizer) -> bool:
    """Whether two tokenizers are one: they save the same files."""
    return first is second or saved_files(first) == saved_files(second)


def saved_files(tokenizer: Tokenizer) -> dict[str, bytes]:
    """The files that a tokenizer saves, by their names."""
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save(folder)
        return _files_in(folder)


def _files_in(folder: str) -> dict[str, bytes]:
    paths = (path for path in sorted(Path(folder).rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def _saved_twice(
    tokenizer: Tokenizer, custom_objects: Mapping[str, Any]
) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The files of a tokenizer, and those of the tokenizer that was loaded from them."""
    found = []
    for _ in range(2):
        with tempfile.TemporaryDirectory() as folder:
            tokenizer.save(folder)
            found.append(_files_in(folder))
            tokenizer = load_tokenizer(folder, custom_objects)
    return found[0], found[1]


def _not_loadable(cls: type, reason: str) -> str:
    return (
        f"A tokenizer must be the same after `save` and `load_tokenizer`. Received: a "
        f"{cls.__name__}: {reason}. Implement `get_config`, or `write_files` and `from_files`."
    )

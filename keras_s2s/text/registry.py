"""Tokenizer classes by name: the package's own, and those that a user defines."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

AnyClass = TypeVar("AnyClass", bound=type)

_CLASSES: dict[str, type] = {}


def register_tokenizer(cls: AnyClass) -> AnyClass:
    """Make a tokenizer class known to `load_tokenizer` under its name; a class decorator.

    `keras.saving.register_keras_serializable` does the same for processes that import Keras; this
    one does not need it.

    Args:
        cls: The class, a subclass of `Tokenizer`.

    Returns:
        The same class.

    Raises:
        ValueError: Another class of this name is registered.
    """
    other = _CLASSES.setdefault(cls.__name__, cls)
    if not _is_same(other, cls):
        raise ValueError(_taken(cls, other))
    _CLASSES[cls.__name__] = cls  # A notebook's cell that runs again defines its class again.
    return cls


def registered_names() -> list[str]:
    """The names of the classes that `register_tokenizer` knows, sorted."""
    return sorted(_CLASSES)


def find_class(base: type, name: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Look up a class by name.

    Args:
        base: What a class in Keras' registry must derive from: its names are shared with layers.
        name: The name of the class.
        custom_objects: Classes by name, which take precedence over registered ones.

    Returns:
        What is known under the name, from `custom_objects`, `register_tokenizer` or Keras' own
        registry, in this order; `None` if there is nothing.
    """
    if custom_objects and name in custom_objects:
        return custom_objects[name]
    return _CLASSES.get(name) or next(_found_in_keras(base, name), None)


def check_findable(base: type, cls: type) -> None:
    """Raise unless a later process can find a class again.

    It can if the class is registered, or can be imported and passed as `custom_objects`. A class
    that is defined inside a function must be registered.

    Args:
        base: As for `find_class`.
        cls: The class.

    Raises:
        ValueError: The class cannot be found, or another one has its name.
    """
    name = cls.__name__
    found = find_class(base, name)
    if found is not None and not (isinstance(found, type) and _is_same(found, cls)):
        raise ValueError(_taken(cls, found))
    if found is None and "<locals>" in cls.__qualname__:
        raise ValueError(
            "A tokenizer is saved if its class can be found again when it is loaded. "
            f"Received: {cls.__module__}.{cls.__qualname__}, which is defined inside a function. "
            "Define it at the top level of a module, or register it with "
            "keras_s2s.text.tokenizers.register_tokenizer."
        )


def _found_in_keras(base: type, name: str) -> Iterator[type]:
    """The classes that Keras knows by a name; Keras is not imported for it."""
    keras: Any = sys.modules.get("keras")  # A process that registered a class there has loaded it.
    saving = getattr(keras, "saving", None)
    if saving is None:
        return
    in_scope = saving.get_registered_object(name)  # Of a `keras.saving.CustomObjectScope`.
    for one in (in_scope, *saving.get_custom_objects().values()):
        if isinstance(one, type) and issubclass(one, base) and one.__name__ == name:
            yield one


def _is_same(first: type, second: type) -> bool:
    return (first.__module__, first.__qualname__) == (second.__module__, second.__qualname__)


def _taken(cls: type, other: Any) -> str:
    return (
        f"The name of a tokenizer class must be its own. Received: {cls.__module__}."
        f"{cls.__qualname__}, but {cls.__name__!r} is {other!r} already. Rename the class."
    )

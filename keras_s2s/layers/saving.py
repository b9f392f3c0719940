"""How encoder and decoder are saved: as the arguments of their constructors."""

from __future__ import annotations

import inspect
from typing import Any

import keras

from keras_s2s.layers.cell_names import CELLS


class SavedByArguments(keras.layers.Layer):
    """Base of the layers whose arguments are attributes of their own names.

    A layer that keeps an argument in another form says so in `arguments`.
    """

    def arguments(self) -> dict[str, Any]:
        """What the constructor was called with, so that it makes another such layer."""
        names = _argument_names(type(self))
        return {name: getattr(self, name) for name in names} | {"dtype": self.dtype_policy}

    def get_config(self) -> dict[str, Any]:
        """The arguments, as plain values."""
        return {name: _plain(value) for name, value in self.arguments().items()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """A layer from `get_config`.

        Raises:
            ValueError: The cell is a class that is neither registered nor in `custom_objects`.
        """
        return cls(**{name: _restored(name, value) for name, value in config.items()})


def _argument_names(layer: type) -> list[str]:
    """The names of a constructor's arguments, with those that it hands on by `**kwargs`."""
    named, is_open = [], False
    for name, parameter in list(inspect.signature(layer.__init__).parameters.items())[1:]:
        if parameter.kind is parameter.VAR_KEYWORD:
            is_open = True
        elif parameter.kind is not parameter.VAR_POSITIONAL:
            named.append(name)
    return list(dict.fromkeys(named + (_argument_names(layer.__mro__[1]) if is_open else [])))


def _plain(value: Any) -> Any:
    if isinstance(value, type):  # The class of a cell.
        return keras.saving.get_registered_name(value)
    return keras.saving.serialize_keras_object(value)


def _restored(name: str, value: Any) -> Any:
    if name == "cell":
        return _cell_of_name(value)
    is_object = isinstance(value, dict) and "class_name" in value
    return keras.saving.deserialize_keras_object(value) if is_object else value


def _cell_of_name(name: str) -> str | type:
    found = name if name in CELLS else keras.saving.get_registered_object(name)
    if found is None:
        raise ValueError(
            "A cell of one's own must be registered with keras.saving.register_keras_serializable, "
            f"or be passed in `custom_objects`. Received: cell={name!r}"
        )
    return found

"""Nested structures of tensors in which a missing part is `None`.

TensorFlow's loops and functions take no `None`, so what passes through them is flattened here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from keras import ops, tree


def flatten(structure: Any) -> list[Any]:
    """The tensors of a structure, without the missing ones.

    Example:
        >>> flatten({"a": 1, "b": None, "c": (2, 3)})
        [1, 2, 3]
    """
    return [leaf for leaf in tree.flatten(structure) if leaf is not None]


def pack(structure: Any, tensors: Iterable[Any]) -> Any:
    """A structure with `tensors` in place of its own; the inverse of `flatten`.

    Example:
        >>> pack({"a": 1, "b": None, "c": (2, 3)}, [4, 5, 6])
        {'a': 4, 'b': None, 'c': (5, 6)}
    """
    rest = iter(tensors)
    leaves = [None if leaf is None else next(rest) for leaf in tree.flatten(structure)]
    return tree.pack_sequence_as(structure, leaves)


def map_tensors(function: Callable[..., Any], *structures: Any) -> Any:
    """The structure with `function` applied to every tensor; what is missing stays missing.

    Example:
        >>> map_tensors(lambda value: -value, (1, None))
        (-1, None)
    """
    flat = zip(*(flatten(structure) for structure in structures), strict=True)
    return pack(structures[0], [function(*values) for values in flat])


def while_loop(goes_on: Callable[..., Any], body: Callable[..., Any], carry: tuple) -> tuple:
    """`keras.ops.while_loop` over structures in which parts may be missing.

    Args:
        goes_on: From the parts of the carry to a boolean.
        body: From the parts of the carry to those after one more turn.
        carry: The parts before the first turn.

    Returns:
        The parts after the last turn.
    """
    flat = ops.while_loop(
        lambda *flat: goes_on(*pack(carry, flat)),
        lambda *flat: tuple(flatten(body(*pack(carry, flat)))),
        tuple(flatten(carry)),
    )
    return pack(carry, flat)

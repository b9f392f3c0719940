"""Checks of `model.keras` before Keras reads it: known layers only, and their weights."""

from __future__ import annotations

import io
import json
import math
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
MEMBERS = ["config.json", "metadata.json", WEIGHTS]
MOST_CONFIG = 2**20  # Bytes; that of a model is a few thousand.
# An archive made elsewhere could name any class of Keras, with a function of its own in it.
KNOWN = {
    ("keras", "DTypePolicy"),
    ("keras_s2s.layers.bahdanau", "BahdanauAttention"),
    ("keras_s2s.layers.copying", "CopyingDecoder"),
    ("keras_s2s.layers.copying", "CopyingEncoder"),
    ("keras_s2s.layers.decoder", "Decoder"),
    ("keras_s2s.layers.encoder", "Encoder"),
    ("keras_s2s.layers.luong", "LuongAttention"),
    ("keras_s2s.layers.monotonic", "BahdanauMonotonicAttention"),
    ("keras_s2s.layers.monotonic", "LuongMonotonicAttention"),
    ("keras_s2s.layers.scheduled_sampling", "ScheduledSampling"),
    ("keras_s2s.model", "Seq2Seq"),
}


def check_model_file(path: Path, custom_objects: Mapping[str, Any] | None = None) -> None:
    """Raise unless a file holds what `Translator.save` writes, and as many numbers as it names.

    Keras' safe mode refuses code alone: it would load any other class, follow links in the file of
    the weights, unpack what fills the memory, and make matrices of any size that the file names.

    Args:
        path: An archive of Keras.
        custom_objects: Classes of the user's own, by name, beside the registered ones.

    Raises:
        ValueError: It holds something else, or cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive.infolist())
            config = json.loads(archive.read(CONFIG))
            weights = archive.read(WEIGHTS)
        _check_classes(config, custom_objects)
        arrays = _shapes(weights)
        _check_sizes(config["config"], len(weights) // 4, len(arrays))
    except Exception as error:  # `zipfile` and `h5py` raise nearly any kind for a foreign file.
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ValueError(f"The model can't be read. Received: {path}: {reason}") from error


def _check_members(members: list[zipfile.ZipInfo]) -> None:
    """Nothing packed: what is unpacked is no larger than the file."""
    names = sorted(member.filename for member in members)
    _need(names == MEMBERS, f"{', '.join(names[:9])} in it instead of {', '.join(MEMBERS)}")
    for member in members:
        is_plain = member.compress_type == zipfile.ZIP_STORED and not member.flag_bits & 1
        _need(
            is_plain and member.file_size == member.compress_size,
            f"{member.filename} is packed, which Keras does not do",
        )
        is_small = member.file_size <= MOST_CONFIG or member.filename == WEIGHTS
        _need(is_small, f"{member.filename} of {member.file_size:,} bytes")


def _check_classes(config: Any, custom_objects: Mapping[str, Any] | None) -> None:
    for value in _dictionaries(config):
        if "class_name" in value:
            name = value.get("module"), value["class_name"]
            if is_users_class(value.get("registered_name"), custom_objects):
                continue
            _need(
                name in KNOWN,
                f"the class {name[0]}.{name[1]}, which is neither registered with Keras nor in "
                "`custom_objects`",
            )
            own = None if name[0] == "keras" else f"keras_s2s>{name[1]}"
            _need(value.get("registered_name") == own, f"{name[1]} under another name")


def is_users_class(name: Any, custom_objects: Mapping[str, Any] | None = None) -> bool:
    """Whether a name is that of a layer that the user has registered, or passes."""
    import keras

    if not isinstance(name, str) or name.startswith("keras_s2s>"):
        return False
    found = keras.saving.get_registered_object(name, dict(custom_objects or {}))
    return isinstance(found, type) and issubclass(found, keras.layers.Layer)


def _dictionaries(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    if isinstance(value, (dict, list)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _dictionaries(part)


def _shapes(weights: bytes) -> list[tuple[int, ...]]:
    """The shapes of all arrays in a file of weights, which must hold arrays and nothing else."""
    import h5py

    shapes: list[tuple[int, ...]] = []
    seen = 0

    def visit(group: Any) -> None:
        nonlocal seen
        for name in group:
            seen += 1  # A group may hold itself.
            _need(seen <= len(weights) // 64, "more names than there is room for")
            kind = group.get(name, getclass=True, getlink=True)
            _need(kind is h5py.HardLink, f"the link {name}")
            one = group[name]
            if isinstance(one, h5py.Group):
                visit(one)
                continue
            is_plain = not one.external and not one.is_virtual and one.chunks is None
            _need(is_plain and one.dtype.kind in "fiu", f"{one.name}, which is no plain array")
            shapes.append(one.shape)

    with h5py.File(io.BytesIO(weights), "r") as file:
        visit(file)
    held = sum(4 * math.prod(shape) for shape in shapes)
    _need(held <= len(weights), f"arrays of {held:,} bytes in {len(weights):,}")
    return shapes


def _check_sizes(config: dict[str, Any], most: int, arrays: int) -> None:
    """The largest matrices that a configuration names must fit into the file of the weights."""
    decoder = config["decoder"]["config"]
    of_ours = [
        config[side]["config"]
        for side in ("encoder", "decoder")
        if str(config[side].get("registered_name")).startswith("keras_s2s>")
    ]
    for part in of_ours:
        units, layers = part["units"], part["num_layers"]
        dimension = part["embedding_dimension"]
        sizes = [part["vocabulary_size"], units if dimension is None else dimension, units, layers]
        _need(all(type(size) is int and size > 0 for size in sizes), f"sizes {sizes}")
        rows, columns = sizes[:2]
        _need(layers <= arrays, f"{layers:,} layers of {arrays:,} arrays")
        # A layer that reads both ways has two of half the size in each direction.
        _need(max(rows * columns, units * units // 4) <= most, f"sizes {sizes} without the weights")
    attention = decoder.get("attention")
    if attention is not None and str(attention.get("registered_name")).startswith("keras_s2s>"):
        _check_attention(attention, most)


def _check_attention(attention: dict[str, Any], most: int) -> None:
    config, built = attention["config"], attention.get("build_config", {})
    sizes = [
        size for value in _dictionaries(built) for one in value.values() for size in _flat(one)
    ]
    if config.get("score") == "location":
        sizes.append(config["maximum_source_length"])
    units = config["units"]
    for size in (1, *sizes):
        _need(type(size) is int and type(units) is int, f"sizes {units!r} and {size!r}")
        _need(abs(size) * units <= most, f"attention of {units} and {size} without the weights")


def _flat(value: Any) -> Iterator[Any]:
    """All that a list of lists holds but `null`."""
    if isinstance(value, list):
        for one in value:
            yield from _flat(one)
    elif value is not None and not isinstance(value, dict):
        yield value


def _need(is_right: bool, otherwise: str) -> None:
    if not is_right:
        raise ValueError(otherwise)

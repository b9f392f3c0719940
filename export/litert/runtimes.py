"""The two runtimes of LiteRT, each as a function that runs one signature of a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

# The name of a signature and its inputs by name, to its outputs by name.
Run = Callable[[str, dict[str, np.ndarray]], dict[str, np.ndarray]]

_MISSING = "LiteRT models run by ai-edge-litert. Install it: pip install 'keras-s2s[litert]'"


def encode_signature(count: int, lengths: Sequence[int]) -> tuple[str, int]:
    """The signature that reads a source of `count` tokens, and the tokens that it takes.

    Args:
        count: At most the largest length.
        lengths: Those that the file has signatures for, rising; the last has the plain name.

    Example:
        >>> encode_signature(9, [8, 16, 32]), encode_signature(32, [8, 16, 32])
        (('encode_16', 16), ('encode', 32))
    """
    room = next(length for length in lengths if length >= count)
    return ("encode" if room == lengths[-1] else f"encode_{room}"), room


def check_installed() -> None:
    """Raise ImportError unless LiteRT's runtime is there."""
    if find_spec("ai_edge_litert") is None:
        raise ImportError(_MISSING)


def interpreter(path: str, threads: int = 1) -> Run:
    """The Interpreter, with all signatures of a file."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise ImportError(_MISSING) from error
    try:
        loaded = Interpreter(path, num_threads=threads)
        runners = {name: loaded.get_signature_runner(name) for name in loaded.get_signature_list()}
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"LiteRT can't read the model. Received: {path}: {error}") from error
    return lambda name, inputs: runners[name](**inputs)


def compiled_model(path: str) -> Run:
    """CompiledModel, the API of the newer Android, iOS and web runtimes."""
    try:
        from ai_edge_litert.compiled_model import CompiledModel
    except ImportError as error:
        raise ImportError(_MISSING) from error
    interpreter(path)  # It refuses damaged files that would end this one's process.
    model = CompiledModel.from_file(path)
    names = model.get_signature_list()
    details = {name: model.get_output_tensor_details(name) for name in names}
    buffers = {
        name: (
            {key: model.create_input_buffer_by_name(name, key) for key in signature["inputs"]},
            {key: model.create_output_buffer_by_name(name, key) for key in signature["outputs"]},
        )
        for name, signature in names.items()
    }

    def run(name: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        given, made = buffers[name]
        for key, buffer in given.items():
            buffer.write(np.ascontiguousarray(inputs[key]))
        model.run_by_name(name, given, made)
        return {key: _read(buffer, details[name][key]) for key, buffer in made.items()}

    return run


def _read(buffer: Any, details: dict[str, Any]) -> np.ndarray:
    shape = details["shape"]
    return buffer.read(int(np.prod(shape)), np.dtype(details["dtype"])).reshape(shape)

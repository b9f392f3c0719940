"""The two LiteRT runtimes, each as a function that runs one signature of a model file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..formats import LITERT
from ..runtime_pool import Run


def encode_signature(count: int, lengths: Sequence[int]) -> tuple[str, int]:
    """The shortest signature that encodes `count` source tokens, and its length.

    Args:
        count: Number of tokens, at most the largest length.
        lengths: Lengths of the signatures of a file, in ascending order; that of the last one is
            called `encode`.

    Example:
        >>> encode_signature(9, [8, 16, 32]), encode_signature(32, [8, 16, 32])
        (('encode_16', 16), ('encode', 32))
    """
    room = next(length for length in lengths if length >= count)
    return ("encode" if room == lengths[-1] else f"encode_{room}"), room


def is_sound(manifest: dict[str, Any]) -> bool:
    """Whether a manifest has what only LiteRT's have: the file, and a signature for each length."""
    lengths: Any = manifest.get("lengths")
    return (
        manifest.get("file") in LITERT.files
        and isinstance(lengths, list)
        and bool(lengths)
        and all(isinstance(length, int) and length > 0 for length in lengths)
        and lengths == sorted(set(lengths))
        and {f"encode_{length}" for length in lengths[:-1]} <= set(manifest["signatures"])
    )


def interpreter(path: str, threads: int = 1) -> Run:
    """Load a model file into the Interpreter."""
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise ImportError(LITERT.missing("ai_edge_litert")) from error
    try:
        loaded = Interpreter(path, num_threads=threads)
        runners = {name: loaded.get_signature_runner(name) for name in loaded.get_signature_list()}
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"LiteRT can't read the model. Received: {path}: {error}") from error
    return lambda name, inputs: runners[name](**inputs)


def compiled_model(path: str) -> Run:
    """Load a model file into CompiledModel, the API of the newer Android, iOS and web runtimes."""
    try:
        from ai_edge_litert.compiled_model import CompiledModel
    except ImportError as error:
        raise ImportError(LITERT.missing("ai_edge_litert")) from error
    interpreter(path)  # It refuses damaged files, on which CompiledModel would crash.
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

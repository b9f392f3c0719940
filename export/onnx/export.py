"""Export to ONNX: `encoder.onnx` and `decode_step.onnx`, with dynamic batch size and length."""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..artifact import EXPORT, check_given, write_manifest
from ..formats import ONNX
from .loops import own_weights
from .runtime import FILES, onnx_runtime

OPSET = 18  # The newest that tf2onnx writes.
QUANTIZATIONS = ("none", "int8")
LONGEST_SAMPLE = 64


def onnx(
    translator: Any,
    folder: str | Path,
    *,
    quantize: str = "none",
    samples: Iterable[str] = (),
) -> dict[str, Any]:
    """Export a translator to ONNX.

    Before the folder is renamed to its final name, the files are checked by `onnx.checker`, run by
    ONNX Runtime and numerically verified against the model.

    Args:
        translator: A `Translator`.
        folder: The folder to write; an export there is replaced.
        quantize: "none" (float32), or "int8": int8 weights of matrix products, float32
            accumulation.
        samples: Sentences to verify with, saved as examples beside the model; by default the
            translator's own.

    Returns:
        The manifest: signatures, sizes and the result of the verification.

    Raises:
        TypeError: `translator` is not a `Translator`, or `samples` are not strings.
        ValueError: An unknown quantization, or files that do not agree with the model.
        ImportError: A package is missing.
        OSError: The folder cannot be written.
    """
    samples = check_given(translator, samples)
    check_onnx(Path(folder), quantize=quantize)
    from ..golden import sample_sources
    from ..parity import verify

    with EXPORT.replaced(Path(folder)) as new:
        signatures = _convert(translator.model, new)
        if quantize == "int8":
            _quantize(new)
        longest = min(LONGEST_SAMPLE, translator.maximum_source_length)
        sampled = sample_sources(translator, samples, longest)
        runtimes = {"onnxruntime": onnx_runtime(new)}
        found = verify(translator, new, runtimes, *sampled, quantize=quantize)
        sizes = {name: (new / name).stat().st_size for name in FILES.values()}
        weights = translator.model.count_params() * (4 if quantize == "none" else 1)
        content = {
            "files": FILES,
            "quantization": quantize,
            "signatures": signatures,
            "bytes": {**sizes, "weights": weights},
            **found,
        }
        return write_manifest(new, ONNX, translator, content)


def check_onnx(folder: Path, *, quantize: str = "none") -> Path:
    """Raise unless the options are valid and the packages installed; see `Format.check`."""
    if quantize not in QUANTIZATIONS:
        raise ValueError(
            f"`quantize` of ONNX must be one of {list(QUANTIZATIONS)}. "
            f"Received: quantize={quantize!r}"
        )
    ONNX.check_installed()
    return folder


def _convert(model: Any, new: Path) -> dict[str, Any]:
    """Write both files in float32 and return their signatures."""
    import tensorflow as tf
    import tf2onnx
    from onnx import checker, save

    from ..contract import Contract

    contract = Contract(model)
    described = {}
    for name, inputs in contract.signatures().items():
        specs = [tf.TensorSpec(*spec, name=key) for key, spec in inputs.items()]
        call = getattr(contract, name)
        function = tf.function(
            lambda *given, call=call, keys=tuple(inputs): call(
                **dict(zip(keys, given, strict=True))
            ),
            input_signature=specs,
            autograph=False,
        )
        made, _ = tf2onnx.convert.from_function(function, input_signature=specs, opset=OPSET)
        made, described[name] = _with_named_dimensions(own_weights(made))
        checker.check_model(made, full_check=True)
        save(made, new / FILES[name])
    return described


# Names of the dynamic dimensions of a tensor; all others have a dynamic batch size only.
_OF_SOURCE = ("tokens", "memory", "keys", "source_ids", "attention")
_DYNAMIC = {name: ("batch", "source_length") for name in _OF_SOURCE}


def _with_named_dimensions(model: Any) -> tuple[Any, dict[str, Any]]:
    """A copy of a model whose dynamic dimensions have readable names, and its signature."""
    named = copy.deepcopy(model)
    described: dict[str, Any] = {"inputs": {}, "outputs": {}}
    for kind, tensors in (("inputs", named.graph.input), ("outputs", named.graph.output)):
        for tensor in tensors:
            dimensions = tensor.type.tensor_type.shape.dim
            for dimension, name in zip(
                dimensions, _DYNAMIC.get(tensor.name, ("batch",)), strict=False
            ):
                dimension.dim_param = name
            dtype = "float32" if tensor.type.tensor_type.elem_type == 1 else "int32"
            shape = [dimension.dim_param or dimension.dim_value for dimension in dimensions]
            described[kind][tensor.name] = {"dtype": dtype, "shape": shape}
    return named, described


def _quantize(new: Path) -> None:
    """Replace float32 weights by int8 ones, inside of loops too."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _errors_only():  # It logs a warning for every tensor that stays as it is.
        for name in FILES.values():
            plain = new / f"{name}.float32"
            (new / name).rename(plain)
            quantize_dynamic(
                plain,
                new / name,
                weight_type=QuantType.QInt8,
                extra_options={"EnableSubgraph": True},
            )
            plain.unlink()


@contextmanager
def _errors_only() -> Iterator[None]:
    """Let the root logger pass errors only, until the context ends."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)

"""ONNX: `encoder.onnx` and `decode_step.onnx`, batch and length dynamic."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..artifact import EXPORT, check_given, write_manifest
from .loops import own_weights
from .runtime import FILES, check_installed, onnx_runtime

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

    What was written is checked by `onnx.checker`, run by ONNX Runtime and compared with the model
    before it takes its place.

    Args:
        translator: A `Translator`.
        folder: Goal; another export there is replaced.
        quantize: "none" (float32), or "int8": weights of the products in int8, sums in float32.
        samples: Sentences to compare with, and to keep as examples beside the model.

    Returns:
        The manifest: signatures, sizes and what the comparison found.

    Raises:
        ValueError: An unknown quantization, or files that do not agree with the model.
        ImportError: A package is missing.
        OSError: The folder cannot be written.
    """
    samples = check_given(translator, samples)
    check_onnx(quantize)
    from ..golden import sample_sources
    from ..proof import prove

    with EXPORT.replaced(Path(folder)) as new:
        signatures = _convert(translator.model, new)
        if quantize == "int8":
            _quantize(new)
        longest = min(LONGEST_SAMPLE, translator.maximum_source_length)
        sampled = sample_sources(translator, samples, longest)
        runtimes = {"onnxruntime": onnx_runtime(new)}
        proof = prove(translator, new, runtimes, *sampled, quantize=quantize)
        sizes = {name: (new / name).stat().st_size for name in FILES.values()}
        weights = translator.model.count_params() * (4 if quantize == "none" else 1)
        content = {
            "files": FILES,
            "quantization": quantize,
            "signatures": signatures,
            "bytes": {**sizes, "weights": weights},
            **proof,
        }
        return write_manifest(new, "onnx", translator, content)


def check_onnx(quantize: str) -> None:
    """Raise unless there is such a quantization and the packages that it takes."""
    if quantize not in QUANTIZATIONS:
        raise ValueError(
            f"`quantize` of ONNX must be one of {list(QUANTIZATIONS)}. "
            f"Received: quantize={quantize!r}"
        )
    if find_spec("tf2onnx") is None or find_spec("onnx") is None:
        raise ImportError("tf2onnx writes ONNX. Install it: pip install 'keras-s2s[onnx]'")
    check_installed()


def _convert(model: Any, new: Path) -> dict[str, Any]:
    """Write both files in float32 and return what their inputs and outputs are."""
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
        own_weights(made.graph)
        described[name] = _name_dimensions(made.graph)
        checker.check_model(made, full_check=True)
        save(made, new / FILES[name])
    return described


# What the dynamic dimensions of a tensor are, by its name; of all others only the first is.
_DYNAMIC = {name: ("batch", "source_length") for name in ("tokens", "memory", "keys", "attention")}


def _name_dimensions(graph: Any) -> dict[str, Any]:
    """Give the dynamic dimensions readable names, and return all shapes."""
    described: dict[str, Any] = {"inputs": {}, "outputs": {}}
    for kind, tensors in (("inputs", graph.input), ("outputs", graph.output)):
        for tensor in tensors:
            dimensions = tensor.type.tensor_type.shape.dim
            for dimension, name in zip(
                dimensions, _DYNAMIC.get(tensor.name, ("batch",)), strict=False
            ):
                dimension.dim_param = name
            dtype = "float32" if tensor.type.tensor_type.elem_type == 1 else "int32"
            shape = [dimension.dim_param or dimension.dim_value for dimension in dimensions]
            described[kind][tensor.name] = {"dtype": dtype, "shape": shape}
    return described


def _quantize(new: Path) -> None:
    """Put int8 weights in the place of float32 ones, in loops too."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # Of tensors that it leaves alone it makes much.
    try:
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
    finally:
        root.setLevel(level)

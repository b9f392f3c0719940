"""Measure one decoding step in every runtime of the exports, at the shape of the comparison.

    .venv/bin/python tests/benchmarks/devices.py [--work WORK]

Random weights take as long as trained ones; with `--work`, those of WORK/keras_s2s are used. One
thread, one sentence of 16 tokens. The floor of a step is the time in which one thread reads as many
bytes as the weights of the step have.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from ours import build_model, configure_tensorflow, matrix_weights

LENGTH = 16
WEIGHT_BYTES = {"float32": 4, "float16": 2, "int8": 1}


def make_translator(work: Path | None) -> Any:
    """Return a translator of the comparison's shape."""
    from keras_s2s import CharacterTokenizer, Translator

    if work is not None:
        return Translator.load(work / "keras_s2s")
    characters = "".join(map(chr, range(0x4E00, 0x4E00 + 7996)))
    tokenizer = CharacterTokenizer.train([characters])
    size = tokenizer.vocabulary_size
    return Translator(build_model("peer", "float32", (size, size)), tokenizer, tokenizer)


def seconds_to_read(size: int) -> float:
    """Return the shortest time in which one thread reads `size` bytes, of 50 attempts."""
    import numpy as np

    values = np.ones(size // 4, "float32")
    best = float("inf")
    for _ in range(50):
        start = time.perf_counter()
        values.max()
        best = min(best, time.perf_counter() - start)
    return best


def measure(translator: Any, folder: Path) -> list[dict[str, Any]]:
    """Export in every precision and time a step in each runtime."""
    from keras_s2s import export
    from keras_s2s.export.contract import Contract
    from keras_s2s.export.litert.runtimes import compiled_model, interpreter
    from keras_s2s.export.onnx.runtime import onnx_runtime
    from keras_s2s.export.parity import contract_run, step_milliseconds

    weights = matrix_weights(translator.model)[1]
    rows = []

    def add(name: str, precision: str, run: Any, size: int) -> None:
        read = weights * WEIGHT_BYTES[precision]
        step = step_milliseconds(run, LENGTH, steps=300)
        floor = 1e3 * seconds_to_read(read)
        rows.append(
            {
                "runtime": name,
                "precision": precision,
                "file_bytes": size,
                "step_milliseconds": round(step, 3),
                "weights_read_bytes": read,
                "floor_milliseconds": round(floor, 3),
                "share_of_floor": round(floor / step, 2),
            }
        )

    parameters = 4 * translator.model.count_params()
    weights = translator.model.decoder.step_weights()  # Concatenated once, not in every step.
    contract = Contract(translator.model, weights=weights)
    add("tf.function", "float32", contract_run(contract), parameters)
    for quantize in ("none", "float16", "int8"):
        goal = folder / f"litert-{quantize}"
        manifest = export.litert(translator, goal, quantize=quantize, lengths=(LENGTH,))
        path, size = str(goal / manifest["file"]), manifest["bytes"]["file"]
        precision = "float32" if quantize == "none" else quantize
        add("LiteRT Interpreter", precision, interpreter(path), size)
        add("LiteRT CompiledModel", precision, compiled_model(path), size)
    for quantize in ("none", "int8"):
        goal = folder / f"onnx-{quantize}"
        sizes = export.onnx(translator, goal, quantize=quantize)["bytes"]
        size = sizes["encoder.onnx"] + sizes["decode_step.onnx"]
        precision = "float32" if quantize == "none" else quantize
        add("ONNX Runtime", precision, onnx_runtime(goal), size)
    return rows


def main() -> None:
    """Read the command line, measure, print a table and one line of JSON."""
    parser = argparse.ArgumentParser(description="Measure a decoder step by every runtime.")
    parser.add_argument("--work", type=Path, help="take the translator of WORK/keras_s2s")
    arguments = parser.parse_args()
    configure_tensorflow(2)
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(make_translator(arguments.work), Path(folder))
    base = rows[0]
    print("| | weights | MB | step, ms | times faster | floor, ms | share |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for row in rows:
        faster = base["step_milliseconds"] / row["step_milliseconds"]
        print(
            f"| {row['runtime']} | {row['precision']} | {row['file_bytes'] / 1e6:.1f} "
            f"| {row['step_milliseconds']:.3f} | {faster:.1f} | {row['floor_milliseconds']:.3f} "
            f"| {row['share_of_floor']:.2f} |"
        )
    print(json.dumps(rows))


if __name__ == "__main__":
    main()

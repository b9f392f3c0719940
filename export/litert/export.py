"""LiteRT (TFLite): one file with `encode` and `decode_step`, loop-free, for phones and browsers."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from keras_s2s import special_ids

from ..artifact import EXPORT, check_given, write_manifest

MODEL = "model.tflite"
QUANTIZATIONS = {"none": 4, "float16": 2, "int8": 1}  # Bytes of a weight.
LENGTHS = (16, 64)
LEAST_TOKENS, MOST_TOKENS = 2, 512
# Lengths that are chosen: multiples of a number, and none so long that the file would be large.
STEP, LONGEST_CHOSEN = 8, 128


def litert(
    translator: Any,
    folder: str | Path,
    *,
    quantize: str = "none",
    lengths: Sequence[int] | None = None,
    max_length: int | None = None,
    samples: Iterable[str] = (),
) -> dict[str, Any]:
    """Export a translator for phones and browsers.

    The file has the signatures `decode_step` and `encode`, for sources of up to the largest of
    `lengths`, and one `encode_<S>` for every other of them, so that short sentences are cheap. All
    are for one sentence, loop-free, of built-in operations alone. What was written is run by the
    Interpreter and by CompiledModel and compared with the model before it takes its place.

    Args:
        translator: A `Translator`.
        folder: Goal; another export there is replaced.
        quantize: "none" (float32), "float16", or "int8": weights in int8, sums in float32.
        lengths: Source tokens, end mark included. By default two, from the samples: for the shorter
            half of the sentences, and for all, but at most 128.
        max_length: Longest source in tokens, in place of the largest of `lengths`.
        samples: Sentences to compare with, and to keep as examples beside the model; the
            translator's own by default.

    Returns:
        The manifest: signatures, sizes and what the comparison found.

    Raises:
        ValueError: An unknown quantization, lengths out of range, or a file that does not agree.
        ChildProcessError: The converter failed.
        ImportError: A package is missing.
        OSError: The folder cannot be written.
    """
    samples = check_given(translator, samples)
    check_litert(quantize, lengths, max_length)
    if lengths is None:
        lengths = _lengths_of(translator, samples)
    lengths = _bounded(lengths, max_length)
    with EXPORT.replaced(Path(folder)) as new:
        signatures = _convert(translator.model, new / MODEL, quantize, lengths)
        content = {
            "file": MODEL,
            "quantization": quantize,
            "lengths": lengths,
            "signatures": signatures,
            "bytes": _check_size(new / MODEL, translator.model, quantize),
            **_prove(translator, new, samples, quantize=quantize, lengths=lengths),
        }
        return write_manifest(new, "litert", translator, content)


def check_litert(
    quantize: str, lengths: Sequence[int] | None = None, max_length: int | None = None
) -> None:
    """Raise unless this can be exported here."""
    from .runtimes import check_installed

    if quantize not in QUANTIZATIONS:
        raise ValueError(
            f"`quantize` must be one of {sorted(QUANTIZATIONS)}. Received: quantize={quantize!r}"
        )
    _bounded(LENGTHS if lengths is None else lengths, max_length)
    check_installed()


def _bounded(lengths: Sequence[int], max_length: int | None) -> list[int]:
    """The lengths of an export, rising, the largest being `max_length` if there is one."""
    chosen = {int(length) for length in lengths}
    if max_length is not None:
        chosen = {length for length in chosen if length < max_length} | {max_length}
    if not chosen or min(chosen) < LEAST_TOKENS or max(chosen) > MOST_TOKENS:
        raise ValueError(
            f"`lengths` must be from {LEAST_TOKENS} to {MOST_TOKENS} tokens. "
            f"Received: lengths={sorted(chosen)}"
        )
    return sorted(chosen)


def _lengths_of(translator: Any, samples: Sequence[str]) -> list[int]:
    """Room for the shorter half of the samples, and for all; the usual, if there are none."""
    texts = samples or translator.samples
    counts = sorted(1 + len(ids) for ids in translator.source_tokenizer.encode_all(texts))
    if not counts:
        return list(LENGTHS)
    limit = min(LONGEST_CHOSEN, translator.maximum_source_length)
    found = (counts[len(counts) // 2], counts[-1])
    return [max(LEAST_TOKENS, min(limit, -(-count // STEP) * STEP)) for count in found]


def _prove(translator: Any, new: Path, samples: Iterable[str], **options: Any) -> dict[str, Any]:
    from ..golden import sample_sources
    from ..proof import prove
    from .runtimes import compiled_model, interpreter

    path = str(new / MODEL)
    runtimes = {"interpreter": interpreter(path), "compiled_model": compiled_model(path)}
    sampled = sample_sources(translator, samples, options["lengths"][-1])
    return prove(translator, new, runtimes, *sampled, **options)


def _check_size(path: Path, model: Any, quantize: str) -> dict[str, int]:
    """Raise if weights are missing; return the sizes for the manifest."""
    weights = model.count_params() * QUANTIZATIONS[quantize]
    size = path.stat().st_size
    if size < 0.9 * weights:
        raise ValueError(f"The converter lost weights. Received: {size:,} bytes for {weights:,}.")
    return {"file": size, "weights": weights}


def _convert(model: Any, goal: Path, quantize: str, lengths: Sequence[int]) -> dict[str, Any]:
    """Write the LiteRT file and return what its signatures are."""
    with tempfile.TemporaryDirectory(dir=goal.parent) as saved_model:
        signatures = _save(model, saved_model, lengths)
        _run_converter([saved_model, str(goal), quantize])
    return signatures


def _run_converter(arguments: list[str]) -> None:
    """Convert in a process that ends when this one does, with the modules that this one sees."""
    places = [place for place in sys.path if place] + [str(Path(special_ids.__file__).parents[1])]
    program = (
        f"import sys; sys.path[:] = {places!r}; "
        "from keras_s2s.export.litert.convert import main; main(sys.argv[1:])"
    )
    command = [sys.executable, "-c", program, *arguments]
    with (
        tempfile.TemporaryFile() as log,
        # The converter reads the end of its input when this process has died.
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=log
        ) as process,
    ):
        try:
            code = process.wait()
        except BaseException:
            process.kill()
            raise
        log.seek(0)
        lines = log.read().decode("utf-8", "replace").strip().splitlines() or ["no message"]
    if code or not Path(arguments[1]).is_file():
        raise ChildProcessError(f"The LiteRT converter ended with {code}. Received: {lines[-1]}")


def _save(model: Any, folder: str, lengths: Sequence[int]) -> dict[str, Any]:
    """Write the contract's functions as a SavedModel, for one sentence of known lengths."""
    import tensorflow as tf

    from ..contract import Contract, shapes
    from .runtimes import encode_signature

    contract = Contract(model, unroll=True)
    longest = lengths[-1]

    def encode(tokens: Any, length: Any) -> dict[str, Any]:
        found = contract.encode(tokens, length)
        room = longest - tokens.shape[1]
        if not room:
            return found
        paddings = [[0, 0], [0, room], [0, 0]]
        return {n: v if n == "state" else tf.pad(v, paddings) for n, v in found.items()}

    step = contract.signatures(1, longest)["decode_step"]
    calls: dict[str, tuple] = {"decode_step": (contract.decode_step, step)}
    for length in lengths:
        name, _ = encode_signature(length, lengths)
        calls[name] = encode, contract.signatures(1, length)["encode"]
    given = {
        name: {key: tf.TensorSpec(*spec, name=key) for key, spec in inputs.items()}
        for name, (_, inputs) in calls.items()
    }
    made: dict[str, Any] = {
        name: tf.function(call, autograph=False).get_concrete_function(**given[name])
        for name, (call, _) in calls.items()
    }
    module = tf.Module()
    # Of a Keras model as attribute the converter would lose the weights without a word.
    module.variables_ = [variable.value for variable in model.variables]  # pyright: ignore
    tf.saved_model.save(module, folder, signatures=made)
    return {
        name: {"inputs": shapes(given[name]), "outputs": shapes(one.structured_outputs)}
        for name, one in made.items()
    }

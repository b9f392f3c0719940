"""Export to LiteRT (TFLite): one file with `encode` and `decode_step`, without loops."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from keras_s2s import special_ids

from ..artifact import EXPORT, check_given, write_manifest
from ..formats import LITERT

(MODEL,) = LITERT.files
QUANTIZATIONS = {"none": 4, "float16": 2, "int8": 1}  # Bytes per weight.
LENGTHS = (16, 64)
LEAST_TOKENS, MOST_TOKENS = 2, 512
# Default lengths are multiples of a step, and bounded: long unrolled encoders make large files.
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
    """Export a translator to LiteRT, for phones and browsers.

    The file has the signatures `decode_step` and `encode`, for sources of up to the largest of
    `lengths`, and one `encode_<S>` for each of the others, so that short sentences are cheap. All
    of them take one sentence, contain no loops and use built-in operations only. Before the folder
    is renamed to its final name, the file is run by the Interpreter and by CompiledModel and
    numerically verified against the model.

    Args:
        translator: A `Translator`.
        folder: The folder to write; an export there is replaced.
        quantize: "none" (float32), "float16", or "int8": int8 weights, float32 accumulation.
        lengths: Source lengths in tokens, end mark included. By default two, from the samples: one
            for the shorter half of the sentences and one for all of them, at most 128.
        max_length: Longest source in tokens, in place of the largest of `lengths`.
        samples: Sentences to verify with, saved as examples beside the model; by default the
            translator's own.

    Returns:
        The manifest: signatures, sizes and the result of the verification.

    Raises:
        TypeError: `translator` is not a `Translator`, or `samples` are not strings.
        ValueError: An unknown quantization, lengths out of range, or a model file that does not
            agree with the model.
        ChildProcessError: The converter failed.
        ImportError: A package is missing.
        OSError: The folder cannot be written.
    """
    samples = check_given(translator, samples)
    check_litert(Path(folder), quantize=quantize, lengths=lengths, max_length=max_length)
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
            **_verify(translator, new, samples, quantize=quantize, lengths=lengths),
        }
        return write_manifest(new, LITERT, translator, content)


def check_litert(
    folder: Path,
    *,
    quantize: str = "none",
    lengths: Sequence[int] | None = None,
    max_length: int | None = None,
) -> Path:
    """Raise unless the options are valid and the packages installed; see `Format.check`."""
    if quantize not in QUANTIZATIONS:
        raise ValueError(
            f"`quantize` must be one of {sorted(QUANTIZATIONS)}. Received: quantize={quantize!r}"
        )
    _bounded(LENGTHS if lengths is None else lengths, max_length)
    LITERT.check_installed()
    return folder


def _bounded(lengths: Sequence[int], max_length: int | None) -> list[int]:
    """The lengths of an export in ascending order; the largest is `max_length`, if given."""
    chosen = {int(length) for length in lengths}
    if max_length is not None:
        if not LEAST_TOKENS <= max_length <= MOST_TOKENS:
            raise ValueError(
                f"`max_length` must be from {LEAST_TOKENS} to {MOST_TOKENS} tokens. "
                f"Received: max_length={max_length}"
            )
        chosen = {length for length in chosen if length < max_length} | {max_length}
    if not chosen or min(chosen) < LEAST_TOKENS or max(chosen) > MOST_TOKENS:
        raise ValueError(
            f"`lengths` must be from {LEAST_TOKENS} to {MOST_TOKENS} tokens. "
            f"Received: lengths={sorted(chosen)}"
        )
    return sorted(chosen)


def _lengths_of(translator: Any, samples: Sequence[str]) -> list[int]:
    """Lengths for the shorter half of the samples and for all; defaults if there are none."""
    texts = samples or translator.samples
    counts = sorted(1 + len(ids) for ids in translator.source_tokenizer.encode_all(texts))
    if not counts:
        return list(LENGTHS)
    limit = min(LONGEST_CHOSEN, translator.maximum_source_length)
    found = (counts[len(counts) // 2], counts[-1])
    return [max(LEAST_TOKENS, min(limit, -(-count // STEP) * STEP)) for count in found]


def _verify(translator: Any, new: Path, samples: Iterable[str], **options: Any) -> dict[str, Any]:
    from ..golden import sample_sources
    from ..parity import verify
    from .runtimes import compiled_model, interpreter

    path = str(new / MODEL)
    runtimes = {"interpreter": interpreter(path), "compiled_model": compiled_model(path)}
    sampled = sample_sources(translator, samples, options["lengths"][-1])
    return verify(translator, new, runtimes, *sampled, **options)


def _check_size(path: Path, model: Any, quantize: str) -> dict[str, int]:
    """Raise if the file is too small to hold all weights; return the sizes for the manifest."""
    weights = model.count_params() * QUANTIZATIONS[quantize]
    size = path.stat().st_size
    if size < 0.9 * weights:
        raise ValueError(f"The converter lost weights. Received: {size:,} bytes for {weights:,}.")
    return {"file": size, "weights": weights}


def _convert(model: Any, goal: Path, quantize: str, lengths: Sequence[int]) -> dict[str, Any]:
    """Write the LiteRT file and return its signatures."""
    with tempfile.TemporaryDirectory(dir=goal.parent) as saved_model:
        signatures = _save(model, saved_model, lengths)
        _run_converter([saved_model, str(goal), quantize])
    return signatures


def _run_converter(arguments: list[str]) -> None:
    """Convert in a child process, which has the same module path and ends with this process."""
    paths = [path for path in sys.path if path] + [str(Path(special_ids.__file__).parents[1])]
    program = (
        f"import sys; sys.path[:] = {paths!r}; "
        "from keras_s2s.export.litert.convert import main; main(sys.argv[1:])"
    )
    command = [sys.executable, "-c", program, *arguments]
    with (
        tempfile.TemporaryFile() as log,
        # If this process dies, the converter's standard input ends, and it exits.
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
    """Write the functions of the contract as a SavedModel, for one sentence of fixed lengths."""
    import tensorflow as tf

    from ..contract import shapes

    class Weights(tf.Module):
        # With a Keras model as an attribute, the converter would silently lose the weights.
        def __init__(self) -> None:
            super().__init__()
            self.values = [variable.value for variable in model.variables]

    calls = _calls(model, lengths)
    given = {
        name: {key: tf.TensorSpec(*spec, name=key) for key, spec in inputs.items()}
        for name, (_, inputs) in calls.items()
    }
    traced: dict[str, Any] = {
        name: tf.function(call, autograph=False).get_concrete_function(**given[name])
        for name, (call, _) in calls.items()
    }
    tf.saved_model.save(Weights(), folder, signatures=traced)
    return {
        name: {"inputs": shapes(given[name]), "outputs": shapes(one.structured_outputs)}
        for name, one in traced.items()
    }


def _calls(model: Any, lengths: Sequence[int]) -> dict[str, tuple[Callable[..., Any], Any]]:
    """The function of each signature, and its inputs; every `encode` pads to the same length."""
    import tensorflow as tf

    from ..contract import Contract
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
    calls: dict[str, tuple[Callable[..., Any], Any]] = {"decode_step": (contract.decode_step, step)}
    for length in lengths:
        name, _ = encode_signature(length, lengths)
        calls[name] = encode, contract.signatures(1, length)["encode"]
    return calls

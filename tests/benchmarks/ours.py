"""Measure keras-s2s: training and decoding speed on Multi30k.

    .venv/bin/python tests/benchmarks/ours.py train --work WORK --seconds 60
    ... train --work WORK --seconds 60 --shape default --precision bfloat16
    .venv/bin/python tests/benchmarks/ours.py train --work WORK --steps 1000 --save
    .venv/bin/python tests/benchmarks/ours.py translate --work WORK --batch 64 --beam 5

The last line of standard output is JSON, with the names that `peer_opennmt.py` uses.
`two_trees.py` runs this file with older checkouts of the library too.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import inspect
import json
import math
import os
import time
from pathlib import Path
from typing import Any

WARMUP_SENTENCES = 64
DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "multi30k"


def configure_tensorflow(threads: int) -> None:
    """Limit TensorFlow and this process to a number of processor cores."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def read(path: Path) -> list[str]:
    """Return the lines of a corpus file."""
    return path.read_text(encoding="utf-8").split("\n")[:-1]


def build_model(shape: str, precision: str, sizes: tuple[int, int]) -> Any:
    """Build the model of the comparison, or that of the default recipe."""
    from keras_s2s import Decoder, Encoder, LuongAttention, Seq2Seq

    if shape == "default":
        return build_default_model(precision, sizes)
    dtype = "float32" if precision == "float32" else f"mixed_{precision}"
    common: dict[str, Any] = {"embedding_dimension": 256, "dropout": 0.3, "dtype": dtype}
    attention = LuongAttention(512, score="general", dtype=dtype)
    encoder = Encoder(sizes[0], 512, **common)
    return Seq2Seq(
        encoder, Decoder(sizes[1], 512, attention=attention, input_feeding=True, **common)
    )


def build_default_model(precision: str, sizes: tuple[int, int]) -> Any:
    """Build the model of the default recipe, in older checkouts of the library too."""
    if importlib.util.find_spec("keras_s2s.recipe_model"):
        model_module, recipe_module = "keras_s2s.recipe_model", "keras_s2s.recipe"
    else:
        model_module, recipe_module = "keras_s2s.recipe.build_model", "keras_s2s.recipe.config"
    recipe = importlib.import_module(recipe_module).Recipe(precision=precision)
    return importlib.import_module(model_module).make_model(*sizes, recipe)


def matrix_weights(model: Any) -> tuple[int, int]:
    """Return the number of weights that a source token and a target token are multiplied by.

    Attention keys count as part of the source; the bridge, and scores and contexts, which depend
    on the lengths, are left out.
    """
    decoder = model.decoder
    projection = decoder.embedding.embeddings if decoder.tie_embeddings else decoder.output_kernel
    source = _sizes(model.encoder.cells) + math.prod(decoder.attention.memory_kernel.shape)
    target = math.prod(decoder.stack.readout_kernel.shape) + math.prod(projection.shape)
    return source, target + _sizes(decoder.stack.cells)


def _sizes(cells: list[Any]) -> int:
    return sum(math.prod(c.kernel.shape) + math.prod(c.recurrent_kernel.shape) for c in cells)


def peak_gflops(precision: str) -> float:
    """Return the peak rate of a large matrix product on this machine, in GFLOPS."""
    import tensorflow as tf

    size = 2048
    dtype = tf.float32 if precision == "float32" else getattr(tf, precision)
    matrix = tf.cast(tf.random.normal((size, size)), dtype)
    product = tf.function(lambda: tf.matmul(matrix, matrix)[0, 0])
    product()
    best = math.inf
    for _ in range(10):
        start = time.perf_counter()
        product().numpy()
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best / 1e9


def train(arguments: argparse.Namespace) -> dict[str, Any]:
    """Train with `fit` and return the speed; save the translator on request."""
    import keras

    from keras_s2s import Batches, MaskedCrossentropy, SentencePieceTokenizer, Translator
    from keras_s2s.training.optimizers import CompiledAdam

    keras.utils.set_random_seed(arguments.seed)
    tokenizers, ids = [], []
    for language in ("en", "de"):
        lines = read(arguments.data / f"train.{language}")
        tokenizers.append(SentencePieceTokenizer.train(lines, arguments.vocabulary_size))
        ids.append(tokenizers[-1].encode_all(lines))
    default = arguments.shape == "default"
    batches = Batches(
        *ids,
        batch_tokens=2048,
        batch_sentences=None if default else 64,
        seed=arguments.seed,
        maximum_length=100,
    )
    sizes = tokenizers[0].vocabulary_size, tokenizers[1].vocabulary_size
    model = build_model(arguments.shape, arguments.precision, sizes)
    optimizer = CompiledAdam(1e-3)
    if default:
        optimizer = CompiledAdam(2e-3, global_clipnorm=1.0, use_ema=True, ema_momentum=0.998)
    model.compile(optimizer, loss=MaskedCrossentropy(label_smoothing=0.1))
    clock = make_clock(
        batches, [len(row) + 1 for row in ids[1]], [len(row) + 1 for row in ids[0]], arguments
    )
    model.fit(
        batches.dataset(),
        steps_per_epoch=batches.steps_per_epoch,
        epochs=1000,
        callbacks=[clock],
        verbose=0,
        shuffle=False,
    )
    if arguments.save:
        Translator(model, *tokenizers).save(arguments.work / "keras_s2s")
    source_weights, target_weights = matrix_weights(model)
    # Forward, and backward to the inputs and to the weights: three products of two operations.
    operations = 6 * (
        source_weights * clock.tokens["source"] + target_weights * clock.tokens["target"]
    )
    peak = peak_gflops(arguments.precision)
    return {
        **clock.result(),
        "parameters": int(model.count_params()),
        "gflops": round(operations / clock.seconds / 1e9, 1),
        "matrix_product_peak_gflops": round(peak, 1),
        "share_of_peak": round(operations / clock.seconds / 1e9 / peak, 3),
    }


def make_clock(
    batches: Any,
    target_lengths: list[int],
    source_lengths: list[int],
    arguments: argparse.Namespace,
) -> Any:
    """Return a callback that counts tokens and seconds after a warm-up, and ends training."""
    import keras

    class Clock(keras.callbacks.Callback):
        steps = 0
        seconds = cpu_seconds = warmup_seconds = 0.0

        def on_train_begin(self, logs: Any = None) -> None:
            self.tokens = {"source": 0, "target": 0}
            self.sentences = 0
            self.created = self.start = time.perf_counter()

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.plan = batches.plan(epoch)
            self.epoch_number = epoch

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if self.epoch_number == 0 and batch < arguments.warmup_steps:
                self.start, self.cpu_start = time.perf_counter(), time.process_time()
                self.warmup_seconds = self.start - self.created
                return
            self.steps += 1
            self.sentences += len(self.plan[batch])
            self.tokens["target"] += sum(target_lengths[row] for row in self.plan[batch])
            self.tokens["source"] += sum(source_lengths[row] for row in self.plan[batch])
            self.seconds = time.perf_counter() - self.start
            self.cpu_seconds = time.process_time() - self.cpu_start
            if self.steps >= arguments.steps or self.seconds >= arguments.seconds:
                self.model.stop_training = True

        def result(self) -> dict[str, Any]:
            return {
                "target_tokens_per_second": round(self.tokens["target"] / self.seconds, 1),
                "sentences_per_second": round(self.sentences / self.seconds, 1),
                "steps": self.steps,
                "seconds": round(self.seconds, 2),
                "cpu_seconds": round(self.cpu_seconds, 2),
                "warmup_seconds": round(self.warmup_seconds, 2),
                "padding_share": round(batches.padding, 4),
            }

    return Clock()


def translate(arguments: argparse.Namespace) -> dict[str, Any]:
    """Translate test_2016_flickr, from text to text, and return the speed."""
    import sacrebleu

    from keras_s2s import Translator

    folder = arguments.model or arguments.work / "keras_s2s"
    if not folder.is_dir():
        raise SystemExit(f"A trained model is needed in {folder}. Run: train --steps 1000 --save")
    translator = Translator.load(folder)
    sources = read(arguments.data / "test_2016_flickr.en")[: arguments.sentences]
    options = {
        **search_option(translator, arguments.beam),
        "batch_size": arguments.batch,
        "maximum_length": arguments.max_length,
    }
    start = time.perf_counter()
    list(translator.stream(sources[:WARMUP_SENTENCES], **options))
    warmed_up, cpu_start = time.perf_counter(), time.process_time()
    found = [answers[0] for answers in translator.stream(sources, **options)]
    seconds, cpu_seconds = time.perf_counter() - warmed_up, time.process_time() - cpu_start
    references = read(arguments.data / "test_2016_flickr.de")[: len(found)]
    return {
        "sentences_per_second": round(len(found) / seconds, 2),
        "sentences": len(found),
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu_seconds, 2),
        "warmup_seconds": round(warmed_up - start, 2),
        "output_tokens": sum(len(answer.target_pieces) - 1 for answer in found),
        "bleu": round(sacrebleu.corpus_bleu([a.text for a in found], [references]).score, 2),
    }


def search_option(translator: Any, beam: int) -> dict[str, Any]:
    """The argument of `stream` for a beam size, 1 for greedy; older checkouts take a number."""
    if "search" not in inspect.signature(translator.stream).parameters:
        return {"beam_size": beam}
    import keras_s2s

    return {"search": keras_s2s.Greedy() if beam == 1 else keras_s2s.Beam(beam)}


def peak_memory_bytes() -> int:
    """Return the largest resident memory of this process, which `ru_maxrss` may inherit."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("Linux is needed: /proc/self/status has no VmHWM.")


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Measure keras-s2s's speed.")
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train", help="training speed; --save keeps the weights")
    training.add_argument("--shape", choices=("peer", "default"), default="peer")
    training.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    training.add_argument("--vocabulary-size", type=int, default=8000, help="a side")
    training.add_argument("--steps", type=float, default=math.inf, help="measured steps at most")
    training.add_argument("--seconds", type=float, default=math.inf, help="measured at most")
    training.add_argument("--warmup-steps", type=int, default=20, help="steps before the clock")
    training.add_argument("--save", action="store_true", help="keep it in WORK/keras_s2s")
    decoding = commands.add_parser("translate", help="decoding speed over test_2016_flickr")
    decoding.add_argument("--batch", type=int, default=64, help="sentences a batch")
    decoding.add_argument("--beam", type=int, default=1, help="beam width; 1 is greedy")
    decoding.add_argument("--max-length", type=int, default=100, help="tokens an output at most")
    decoding.add_argument("--sentences", type=int, help="of the test set's first; all by default")
    decoding.add_argument("--model", type=Path, help="a translator; WORK/keras_s2s by default")
    for command in (training, decoding):
        command.add_argument("--work", type=Path, required=True)
        command.add_argument("--data", type=Path, default=DATA)
        command.add_argument("--threads", type=int, default=2, help="processor cores")
        command.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.command == "train" and math.isinf(min(arguments.steps, arguments.seconds)):
        parser.error("An end is needed. Received neither --steps nor --seconds.")
    return arguments


def main() -> None:
    """Measure and print one line of JSON."""
    arguments = parse_arguments()
    configure_tensorflow(arguments.threads)
    measured = train(arguments) if arguments.command == "train" else translate(arguments)
    package = importlib.import_module("keras_s2s").__file__
    figures = {**measured, "peak_memory_bytes": peak_memory_bytes(), "package": package}
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()

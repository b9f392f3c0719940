"""Measure OpenNMT-tf: training and decoding speed, in its own loops, at the shared shape.

Runs in the environment that `setup_opennmt.sh` creates, on the files that `prepare.py` writes:

    PEER/bin/python tests/benchmarks/peer_opennmt.py train --work WORK --seconds 60
    PEER/bin/python tests/benchmarks/peer_opennmt.py train --work WORK --steps 1000 --save
    PEER/bin/python tests/benchmarks/peer_opennmt.py translate --work WORK --batch 64 --beam 5

The last line of standard output is JSON; the peer's own log goes to standard error.
"""

# pyright: reportMissingImports=false

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from peer_weights import load_weights

MAX_TRAINING_LENGTH = 100  # tokens
BATCH_SENTENCES = 64
REPORT_STEPS = 50
WARMUP_SENTENCES = 64


def configure_tensorflow(threads: int, seed: int) -> None:
    """Limit TensorFlow and this process to a number of processor cores."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < threads:
        raise SystemExit(f"Not enough cores. Received: --threads={threads}, cores={len(cores)}.")
    os.sched_setaffinity(0, cores[:threads])
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    tf.random.set_seed(seed)
    tf.get_logger().setLevel("INFO")


def build_model(work: Path, shared: bool = False, **parameters: Any) -> Any:
    """Build the attention model of the comparison, its vocabularies read from `work`.

    With `shared` it computes what keras-s2s computes: the bridge has a tanh activation, and the
    source ends in an end mark.
    """
    import opennmt
    import tensorflow as tf

    embedding, units, dropout = 256, 512, 0.3
    model = opennmt.models.SequenceToSequence(
        opennmt.inputters.WordEmbedder(embedding_size=embedding),
        opennmt.inputters.WordEmbedder(embedding_size=embedding),
        opennmt.encoders.RNNEncoder(1, units // 2, bidirectional=True, dropout=dropout),
        # Luong attention ("general") with input feeding is what this decoder does by default.
        opennmt.decoders.AttentionalRNNDecoder(
            1,
            units,
            bridge_class=lambda: opennmt.layers.DenseBridge(tf.tanh if shared else None),
            dropout=dropout,
        ),
    )
    # A parameter "dropout" would overwrite a cache of that name in the Keras cells.
    model.initialize(
        {
            "source_vocabulary": str(work / "vocabulary.opennmt.en"),
            "target_vocabulary": str(work / "vocabulary.opennmt.de"),
            "source_sequence_controls": {"start": False, "end": shared},
        },
        params=parameters,
    )
    return model


class MeasuredBatches:
    """The peer's own training batches, counted and timed after a warm-up.

    Iteration ends after `steps` measured batches or `seconds`, whichever comes first, and with it
    the peer's training loop. The clock starts when the last warm-up step is done.
    """

    def __init__(self, dataset: Any, *, warmup_steps: int, steps: float, seconds: float) -> None:
        self.element_spec = dataset.element_spec  # The peer's trainer asks for it.
        self.dataset = dataset
        self.warmup_steps = warmup_steps
        self.max_steps = steps
        self.max_seconds = seconds
        self.created = time.perf_counter()
        self.warmup_seconds = 0.0
        self.steps = 0
        self.seconds = 0.0
        self.cpu_seconds = 0.0
        self.tokens = {"source": 0, "target": 0}
        self.positions = {"source": 0, "target": 0}

    def __iter__(self) -> Iterator[Any]:
        """Yield batches until the measurement is complete."""
        start, cpu_start = self.created, 0.0
        for index, batch in enumerate(self.dataset):
            if index == self.warmup_steps:
                start, cpu_start = time.perf_counter(), time.process_time()
                self.warmup_seconds = start - self.created
            if index >= self.warmup_steps:
                self.seconds = time.perf_counter() - start
                self.cpu_seconds = time.process_time() - cpu_start
                if self.steps >= self.max_steps or self.seconds >= self.max_seconds:
                    return
                self.count(*batch)
            yield batch

    def count(self, source: dict[str, Any], target: dict[str, Any]) -> None:
        """Add one batch of real tokens (the target's end mark included) and of positions."""
        self.steps += 1
        for side, features, ids in (("source", source, "ids"), ("target", target, "ids_out")):
            self.tokens[side] += int(features["length"].numpy().sum())
            self.positions[side] += math.prod(features[ids].shape)

    def result(self) -> dict[str, Any]:
        """Return what was measured."""
        return {
            "target_tokens_per_second": round(self.tokens["target"] / self.seconds, 1),
            "target_tokens": self.tokens["target"],
            "steps": self.steps,
            "seconds": round(self.seconds, 2),
            "cpu_seconds": round(self.cpu_seconds, 2),
            "warmup_steps": self.warmup_steps,
            "warmup_seconds": round(self.warmup_seconds, 2),
            "source_padding_share": round(self.padding_share("source"), 4),
            "target_padding_share": round(self.padding_share("target"), 4),
        }

    def padding_share(self, side: str) -> float:
        """Return the share of positions that hold no real token."""
        return 1 - self.tokens[side] / self.positions[side]


def train(arguments: argparse.Namespace) -> dict[str, Any]:
    """Train in the peer's own loop and return its speed; save the weights on request."""
    import opennmt

    model = build_model(arguments.work, optimizer="Adam", learning_rate=0.001, label_smoothing=0.1)
    optimizer = model.get_optimizer()
    checkpoint = None
    if arguments.save:
        folder = str(arguments.work / "opennmt_tf")
        checkpoint = opennmt.utils.checkpoint.Checkpoint(model, optimizer, model_dir=folder)
        checkpoint.restore()
    dataset = model.examples_inputter.make_training_dataset(
        str(arguments.work / "train.sp.en"),
        str(arguments.work / "train.sp.de"),
        BATCH_SENTENCES,
        length_bucket_width=1,
        shuffle_buffer_size=-1,
        maximum_features_length=MAX_TRAINING_LENGTH,
        maximum_labels_length=MAX_TRAINING_LENGTH,
    )
    batches = MeasuredBatches(
        dataset,
        warmup_steps=arguments.warmup_steps,
        steps=arguments.steps,
        seconds=arguments.seconds,
    )
    trainer = opennmt.training.Trainer(model, optimizer, checkpoint=checkpoint)
    summary = trainer(batches, report_steps=REPORT_STEPS, save_steps=None, eval_steps=None)
    return {
        **batches.result(),
        "last_step": int(summary["last_step"]),
        "last_loss": round(float(summary["last_loss"]), 3),
        "parameters": int(model.count_params()),
    }


def translate_file(model: Any, infer: Any, dataset: Any) -> list[str]:
    """Return the best translation of every sentence, in the order of the file."""
    import tensorflow as tf
    from opennmt.utils import misc

    translations: dict[int, str] = {}
    for features in dataset:
        predictions = tf.nest.map_structure(lambda tensor: tensor.numpy(), infer(features))
        for prediction in misc.extract_batches(predictions):
            index = int(prediction.get("index", len(translations)))
            translations[index] = model.format_prediction(prediction)[0]
    return [translations[index] for index in sorted(translations)]


def translate(arguments: argparse.Namespace) -> dict[str, Any]:
    """Decode test_2016_flickr with the trained weights and return the speed."""
    import tensorflow as tf

    model = build_model(
        arguments.work,
        shared=arguments.shared_weights,
        beam_width=arguments.beam,
        maximum_decoding_length=arguments.max_length,
        length_penalty=1.0,
    )
    weights = load_weights(model, arguments)
    dataset = model.examples_inputter.make_inference_dataset(
        str(arguments.work / "test_2016_flickr.sp.en"),
        arguments.batch,
        length_bucket_width=arguments.bucket_width if arguments.batch > 1 else None,
    )
    infer = tf.function(model.infer, input_signature=(dataset.element_spec,))
    start = time.perf_counter()
    translate_file(model, infer, dataset.take(math.ceil(WARMUP_SENTENCES / arguments.batch)))
    warmed_up, cpu_start = time.perf_counter(), time.process_time()
    translations = translate_file(model, infer, dataset)
    seconds, cpu_seconds = time.perf_counter() - warmed_up, time.process_time() - cpu_start
    return {
        "sentences_per_second": round(len(translations) / seconds, 2),
        "weights": weights,
        "sentences": len(translations),
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu_seconds, 2),
        "warmup_seconds": round(warmed_up - start, 2),
        **describe_output(translations, arguments.work / "test_2016_flickr.sp.de"),
    }


def describe_output(translations: list[str], references: Path) -> dict[str, Any]:
    """Return the length of the output and its BLEU, which show that it is worth timing."""
    import sacrebleu

    expected = references.read_text(encoding="utf-8").splitlines()
    score = sacrebleu.corpus_bleu(list(map(join, translations)), [list(map(join, expected))])
    return {
        "output_tokens": sum(len(line.split()) for line in translations),
        "reference_tokens": sum(len(line.split()) for line in expected),
        "longest_output_tokens": max(len(line.split()) for line in translations),
        "bleu": round(score.score, 2),
    }


def join(pieces: str) -> str:
    """Join SentencePiece pieces to text."""
    return pieces.replace(" ", "").replace("\N{LOWER ONE EIGHTH BLOCK}", " ").strip()


def peak_memory_bytes() -> int:
    """Return the largest resident memory of this process.

    `ru_maxrss` would not do: a new program inherits the value of the process that started it.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("Linux is needed: /proc/self/status has no VmHWM.")


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Measure OpenNMT-tf's speed.")
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train", help="training speed; --save keeps the weights")
    training.add_argument("--steps", type=float, default=math.inf, help="measured steps at most")
    training.add_argument("--seconds", type=float, default=math.inf, help="measured at most")
    training.add_argument("--warmup-steps", type=int, default=20, help="steps before the clock")
    training.add_argument("--save", action="store_true", help="go on from WORK/opennmt_tf")
    decoding = commands.add_parser("translate", help="decoding speed over test_2016_flickr")
    decoding.add_argument("--batch", type=int, default=64, help="sentences a batch")
    decoding.add_argument("--beam", type=int, default=1, help="beam width; 1 is greedy")
    decoding.add_argument(
        "--shared-weights", action="store_true", help="those that share_weights.py wrote"
    )
    decoding.add_argument("--max-length", type=int, default=100, help="tokens an output at most")
    decoding.add_argument("--bucket-width", type=int, default=5, help="tokens; 0: file order")
    for command in (training, decoding):
        command.add_argument("--work", type=Path, required=True, help="folder of prepare.py")
        command.add_argument("--threads", type=int, default=2, help="processor cores")
        command.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if not (arguments.work / "vocabulary.opennmt.de").is_file():
        parser.error(f"Prepared text is needed. Received: --work={arguments.work}. Run prepare.py.")
    if arguments.command == "train" and math.isinf(min(arguments.steps, arguments.seconds)):
        parser.error("An end is needed. Received neither --steps nor --seconds.")
    return arguments


def main() -> None:
    """Measure and print one line of JSON."""
    arguments = parse_arguments()
    configure_tensorflow(arguments.threads, arguments.seed)
    import opennmt
    import tensorflow as tf

    measured = train(arguments) if arguments.command == "train" else translate(arguments)
    settings = {key: value for key, value in vars(arguments).items() if value != math.inf}
    report = {
        "peer": f"OpenNMT-tf {opennmt.__version__}, TensorFlow {tf.__version__}",
        **{key: str(value) if key == "work" else value for key, value in settings.items()},
        **measured,
        "peak_memory_bytes": peak_memory_bytes(),
    }
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()

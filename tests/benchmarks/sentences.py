"""Translate test_2016_flickr with every export: speed, start-up, peak memory, BLEU.

    .venv/bin/python tests/benchmarks/sentences.py --work WORK [--data FOLDER] [--sentences N]

WORK/keras_s2s is exported; each export then runs greedy search in a separate process, one sentence
at a time on one thread. Start-up is the time from the process start to the first translation.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from compare import table
from ours import peak_memory_bytes, read

from keras_s2s import Greedy

# Name, format, precision.
EXPORTS = [
    ("LiteRT", "litert", "none"),
    ("LiteRT", "litert", "int8"),
    ("ONNX Runtime", "onnx", "none"),
    ("ONNX Runtime", "onnx", "int8"),
    ("SavedModel, text to text", "saved_model", "none"),
]
ROOT = Path(__file__).resolve().parents[2]


def make_exports(work: Path, folder: Path, samples: list[str]) -> None:
    """Write every export of a translator with greedy search."""
    from keras_s2s import Translator, export

    trained = Translator.load(work / "keras_s2s")
    parts = trained.model, trained.source_tokenizer, trained.target_tokenizer
    translator = Translator(*parts, search=Greedy(), samples=samples)
    for _, form, quantize in EXPORTS:
        options = {} if form == "saved_model" else {"quantize": quantize}
        getattr(export, form)(translator, folder / f"{form}-{quantize}", **options)


def load(form: str, folder: Path) -> Callable[[list[str]], list[str]]:
    """Return a function that translates texts with greedy search by one export."""
    from keras_s2s import export

    if form == "litert":
        runner: Any = export.LiteRTTranslator(folder)
    elif form == "onnx":
        runner = export.OnnxTranslator(folder)
    else:
        import tensorflow as tf

        from keras_s2s.export.saved_model.runtime import load_saved_model

        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        loaded = load_saved_model(folder / "1")
        call = loaded.signatures["serving_default"]
        return lambda texts: [
            call(text=tf.constant([text]))["translation"].numpy()[0].decode() for text in texts
        ]
    return lambda texts: runner.translate(texts, search=Greedy())


def measure(form: str, folder: Path, sources: list[str]) -> dict[str, Any]:
    """Translate all sources in this process; return the figures and the translations."""
    translate = load(form, folder)
    translate(sources[:1])
    started = time.time()  # The same clock as the parent process reads.
    translate(sources[:50])  # Warm-up, so that every signature has run.
    start = time.perf_counter()
    answers = translate(sources)
    seconds = time.perf_counter() - start
    return {
        "first_answer": started,
        "sentences_per_second": len(sources) / seconds,
        "peak_memory_bytes": peak_memory_bytes(),
        "answers": answers,
    }


def run(form: str, folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure one export in a separate process."""
    command = [sys.executable, __file__, "--form", form, "--folder", str(folder)]
    command += ["--data", str(arguments.data), "--sentences", str(arguments.sentences)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    start = time.time()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return {**found, "start_seconds": found["first_answer"] - start}


def size_of(folder: Path) -> int:
    """Size of the model files in bytes."""
    kinds = (".tflite", ".onnx", ".pb", ".index", ".data-00000-of-00001")
    return sum(p.stat().st_size for p in folder.rglob("*") if p.name.endswith(kinds))


def main() -> None:
    """Read the command line, measure, print a table and one line of JSON."""
    parser = argparse.ArgumentParser(description="Translate whole sentences by every export.")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared/data/multi30k")
    parser.add_argument("--sentences", type=int, default=1000)
    parser.add_argument("--form", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    sources = read(arguments.data / "test_2016_flickr.en")[: arguments.sentences]
    if arguments.form:
        print(json.dumps(measure(arguments.form, arguments.folder, sources)))
        return
    if arguments.work is None:
        parser.error("--work is needed: where the trained translator is")
    from sacrebleu.metrics.bleu import BLEU

    references = [read(arguments.data / "test_2016_flickr.de")[: arguments.sentences]]
    rows = [["", "weights", "MB", "sentences/s", "start-up, s", "peak memory, MB", "sacreBLEU"]]
    results = []
    with tempfile.TemporaryDirectory() as folder:
        make_exports(arguments.work, Path(folder), read(arguments.data / "val.en")[:100])
        for name, form, quantize in EXPORTS:
            place = Path(folder) / f"{form}-{quantize}"
            found = run(form, place, arguments)
            bleu = BLEU().corpus_score(found.pop("answers"), references).score
            size = size_of(place)
            results.append(
                {"name": name, "weights": quantize, "bytes": size, "bleu": bleu, **found}
            )
            rows.append(
                [
                    name,
                    "float32" if quantize == "none" else quantize,
                    f"{size / 1e6:.2f}",
                    f"{found['sentences_per_second']:.1f}",
                    f"{found['start_seconds']:.2f}",
                    f"{found['peak_memory_bytes'] / 1e6:.0f}",
                    f"{bleu:.2f}",
                ]
            )
    print(table(rows))
    print(json.dumps(results))


if __name__ == "__main__":
    main()

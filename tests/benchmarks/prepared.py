"""Prepare synthetic corpora of growing size and train from them: time and peak memory.

Usage: python tests/benchmarks/prepared.py WORK [--pairs N ...] [--keep]

Words come from a vocabulary of 100,000 by Zipf's law, lengths from a log-normal distribution with a
median of 16 words. Each measured command runs in separate processes. Their memory is the sum of
their proportional set sizes (PSS), sampled five times a second. Processor seconds are those of all
processes: on a busy machine they are more reliable than elapsed time. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

VOCABULARY = 100_000
CHUNK = 50_000
LETTERS = np.array(list("etaoinshrdlucmfwypvbgkjqxz"))
MEGABYTE = 1_000_000


def make_words(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return distinct words and their probabilities; short words are frequent."""
    weights = 1 / np.arange(1, len(LETTERS) + 1)
    words: dict[str, None] = {}
    while len(words) < VOCABULARY:
        length = min(14, 2 + int(np.log2(len(words) + 1) * generator.uniform(0.3, 0.8)))
        words["".join(generator.choice(LETTERS, length, p=weights / weights.sum()))] = None
    ranks = np.arange(1, VOCABULARY + 1)
    return np.array(list(words), dtype=object), (1 / ranks) / (1 / ranks).sum()


def make_corpus(folder: Path, pairs: int) -> None:
    """Write `train.source` and `train.target`."""
    generator = np.random.default_rng(pairs)
    words, probabilities = make_words(generator)
    with (
        (folder / "train.source").open("w") as source,
        (folder / "train.target").open("w") as target,
    ):
        for start in range(0, pairs, CHUNK):
            count = min(CHUNK, pairs - start)
            lengths = generator.lognormal(np.log(16), 0.6, count).astype(int).clip(1, 200)
            others = (lengths * generator.normal(1.05, 0.15, count)).astype(int).clip(1, 250)
            for file, wanted in ((source, lengths), (target, others)):
                drawn = words[generator.choice(VOCABULARY, wanted.sum(), p=probabilities)]
                ends = np.cumsum(wanted)
                rows = zip(ends - wanted, ends, strict=True)
                file.writelines(" ".join(drawn[first:end]) + "\n" for first, end in rows)


def measure(command: list[str]) -> dict[str, Any]:
    """Run a command; return its seconds, cores, peak memory and the last line of its output."""
    start, peak, cpu = time.perf_counter(), 0, {}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    root = psutil.Process(process.pid)
    while process.poll() is None:
        total = 0
        for one in [root, *root.children(recursive=True)]:
            try:
                total += one.memory_full_info().pss
                times = one.cpu_times()
                cpu[one.pid] = times.user + times.system
            except psutil.Error:
                continue
        peak = max(peak, total)
        time.sleep(0.2)
    seconds = time.perf_counter() - start
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with status {process.returncode}")
    lines = process.stdout.read().splitlines() if process.stdout else []
    return {
        "seconds": round(seconds, 1),
        "cpu_seconds": round(sum(cpu.values()), 1),
        "peak_mb": round(peak / MEGABYTE),
        "last": lines[-1] if lines else "",
    }


def read_batches(folder: Path, batches_wanted: int) -> None:
    """Read batches as training does; print the time to the first one and to all of them."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow as tf

    from keras_s2s import PreparedCorpus

    tf.zeros(1)
    start = time.perf_counter()
    batches = PreparedCorpus(folder).batches(batch_tokens=2048, subword_sampling=0.3, seed=1)
    opened = time.perf_counter() - start
    iterator = iter(batches.dataset())
    next(iterator)
    first = time.perf_counter() - start
    wanted = min(batches_wanted, batches.steps_per_epoch)
    for _ in range(wanted - 1):
        next(iterator)
    print(
        json.dumps(
            {
                "pairs": batches.pairs,
                "steps_per_epoch": batches.steps_per_epoch,
                "opened_seconds": round(opened, 2),
                "first_batch_seconds": round(first, 2),
                "batches_read": wanted,
                "seconds": round(time.perf_counter() - start, 1),
            }
        )
    )


def run_size(work: Path, pairs: int, keep: bool) -> dict[str, Any]:
    """Create, prepare and read a corpus."""
    folder = work / str(pairs)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "done").exists():
        make_corpus(folder, pairs)
        (folder / "done").touch()
    sides = [f"--{side}={folder / f'train.{side}'}" for side in ("source", "target")]
    script = str(Path(sys.executable).with_name("keras-s2s"))
    output = folder / "prepared"
    shutil.rmtree(output, ignore_errors=True)
    prepared = measure([script, "prepare", *sides, "--output", str(output)])
    reading = measure([sys.executable, __file__, str(output), "--read", "4000"])
    size = sum(path.stat().st_size for path in output.rglob("*.npz"))
    text = sum((folder / f"train.{side}").stat().st_size for side in ("source", "target"))
    if not keep:
        shutil.rmtree(folder)
    return {
        "pairs": pairs,
        "text_mb": round(text / MEGABYTE),
        "shards_mb": round(size / MEGABYTE),
        "prepare": {name: prepared[name] for name in ("seconds", "cpu_seconds", "peak_mb")},
        "read": {"peak_mb": reading["peak_mb"], **json.loads(reading["last"])},
    }


def main() -> None:
    """Read the command line, measure every size, print a table and JSON."""
    parser = argparse.ArgumentParser(description="Time and memory of prepared corpora.")
    parser.add_argument("work", type=Path, help="folder for the corpora")
    parser.add_argument("--pairs", type=int, nargs="+", default=[100_000, 1_000_000, 5_000_000])
    parser.add_argument("--keep", action="store_true", help="leave corpora and shards there")
    parser.add_argument("--read", type=int, help="only read so many batches of WORK's shards")
    arguments = parser.parse_args()
    if arguments.read:
        return read_batches(arguments.work, arguments.read)
    found = []
    print(
        "| pairs | prepare, s | cpu, s | peak, MB | read: opened, s | first batch, s | peak, MB |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for pairs in arguments.pairs:
        one = run_size(arguments.work, pairs, arguments.keep)
        found.append(one)
        prepare, read = one["prepare"], one["read"]
        print(
            f"| {pairs:,} | {prepare['seconds']} | {prepare['cpu_seconds']} "
            f"| {prepare['peak_mb']:,} | {read['opened_seconds']} "
            f"| {read['first_batch_seconds']} | {read['peak_mb']:,} |",
            flush=True,
        )
    print(json.dumps(found))


if __name__ == "__main__":
    main()

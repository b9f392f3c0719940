"""Decode with this tree and another checkout in turn, slice by slice, and print the ratios.

    .venv/bin/python tests/benchmarks/slices.py --model MODEL --other DIR [--rounds 24] \
        [--other-python DIR/.venv/bin/python] [--batch 64] [--beam 1] [--sentences 1000]

MODEL is a trained translator that both trees can load. Both processes stay alive, and each round
decodes the same sentences in both, this tree first in odd rounds: on a busy machine the ratio of
neighbours is steadier than that of whole runs, as `two_trees.py` measures them. A ratio is the time
of the other tree divided by that of this one: below 1, this tree is slower.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[2] / "shared" / "data" / "multi30k" / "test_2016_flickr.en"


def work(arguments: argparse.Namespace) -> None:
    """Decode once for each line of standard input; print the seconds, by the clock and of CPU."""
    from ours import search_option

    from keras_s2s import Translator

    translator = Translator.load(arguments.model)
    lines = arguments.data.read_text(encoding="utf-8").splitlines()[: arguments.sentences]
    options: dict[str, Any] = search_option(translator, arguments.beam)
    options |= {"batch_size": arguments.batch}
    for _ in sys.stdin:
        start = time.perf_counter(), time.process_time()
        list(translator.stream(lines, **options))
        seconds = time.perf_counter() - start[0], time.process_time() - start[1]
        print(json.dumps(seconds), flush=True)


def worker_of(folder: Path, python: Path) -> subprocess.Popen:
    """A process that decodes with the package of a checkout."""
    command = [str(python), str(HERE / "slices.py"), *sys.argv[1:], "--worker"]
    environment = {**os.environ, "PYTHONPATH": str(folder), "TF_CPP_MIN_LOG_LEVEL": "3"}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True)


def seconds_of(worker: subprocess.Popen) -> list[float]:
    """The seconds of one slice."""
    assert worker.stdin is not None and worker.stdout is not None
    print(file=worker.stdin, flush=True)
    return json.loads(worker.stdout.readline())


def measure(workers: list[subprocess.Popen], rounds: int) -> list[list[list[float]]]:
    """The seconds of both in each round, after one round that builds the graphs."""
    for worker in workers:
        seconds_of(worker)
    found = []
    for number in range(rounds):
        order = [0, 1] if number % 2 == 0 else [1, 0]
        by_worker = {index: seconds_of(workers[index]) for index in order}
        found.append([by_worker[0], by_worker[1]])
    return found


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Decode with two checkouts, slice by slice.")
    parser.add_argument("--model", type=Path, required=True, help="folder of a translator")
    parser.add_argument("--other", type=Path, required=True, help="the other checkout")
    parser.add_argument("--other-python", type=Path, help="by default its .venv/bin/python")
    parser.add_argument("--data", type=Path, default=DATA, help="file of sentences")
    parser.add_argument("--batch", type=int, default=64, help="sentences in a batch")
    parser.add_argument("--beam", type=int, default=1, help="beam size; 1 for greedy search")
    parser.add_argument("--sentences", type=int, default=1000, help="of a slice")
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    arguments = parse_arguments()
    if arguments.worker:
        return work(arguments)
    other = arguments.other_python or arguments.other / ".venv" / "bin" / "python"
    trees = [(HERE.parents[1], Path(sys.executable)), (arguments.other.resolve(), other.absolute())]
    rounds = measure([worker_of(*tree) for tree in trees], arguments.rounds)
    print(
        "| ratio | median | quartiles | this tree, s | other, s |\n| --- | --- | --- | --- | --- |"
    )
    for index, name in enumerate(("by the clock", "by processor time")):
        ours, others = ([one[side][index] for one in rounds] for side in (0, 1))
        ratios = [other / own for own, other in zip(ours, others, strict=True)]
        low, middle, high = statistics.quantiles(ratios)
        medians = [statistics.median(side) for side in (ours, others)]
        quartiles = f"{low:.3f} to {high:.3f}"
        print(f"| {name} | {middle:.3f} | {quartiles} | {medians[0]:.3f} | {medians[1]:.3f} |")
    return None


if __name__ == "__main__":
    main()

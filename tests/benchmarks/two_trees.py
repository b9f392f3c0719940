"""Measure this tree and another checkout of the library in turn, in one run, and print the ratios.

    .venv/bin/python tests/benchmarks/two_trees.py --work WORK --other DIR \
        [--other-python DIR/.venv/bin/python] [--rounds 3] [--seconds 60] [--only NAME ...]

WORK is an existing folder to write to. Both trees decode with the translator WORK/keras_s2s; if it
is missing, the other tree trains it. Each measurement is a run of this tree's `ours.py` with the
package and the environment of one of the trees; this tree is first in odd rounds and second in even
ones.

A ratio is this tree's median speed divided by the other's; for memory, the other's peak divided by
this tree's: below 1, this tree is worse. The ratio by processor time counts only the seconds that a
process ran on the cores; it is more reliable on a busy machine. The share of the cores is
cpu_seconds / (threads x seconds), of this tree and of the other.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
DATA = HERE.parents[2] / "shared" / "data" / "multi30k"
THREADS = 2


class Case(NamedTuple):
    """One measurement: the arguments of `ours.py`, and the name of the figure to compare."""

    arguments: list[str]
    figure: str


TRAINING = "target_tokens_per_second"
DECODING = "sentences_per_second"
CASES = {
    "training, the peer's shape": Case(["train", "--shape", "peer"], TRAINING),
    "training, the defaults": Case(["train", "--shape", "default"], TRAINING),
    "greedy, batch 64": Case(["translate", "--batch", "64", "--beam", "1"], DECODING),
    "beam 5, batch 64": Case(["translate", "--batch", "64", "--beam", "5"], DECODING),
    "greedy, batch 1": Case(["translate", "--batch", "1", "--beam", "1"], DECODING),
    "beam 5, batch 1": Case(["translate", "--batch", "1", "--beam", "5"], DECODING),
}


class Tree(NamedTuple):
    """A checkout and the Python of its environment."""

    name: str
    folder: Path
    python: Path

    def measure(self, *arguments: str) -> dict[str, Any]:
        """Run `ours.py` with this tree's package; return its figures."""
        command = [str(self.python), str(HERE / "ours.py"), *arguments]
        environment = {**os.environ, "PYTHONPATH": str(self.folder)}
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(command)} failed in {self.folder}:\n{done.stderr[-2000:]}")
        found = json.loads(done.stdout.splitlines()[-1])
        if not Path(found["package"]).is_relative_to(self.folder):
            raise SystemExit(f"{self.python} imports {found['package']}, not {self.folder}")
        return found


def processor() -> str:
    """The name of the processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "?")


def measure(
    case: Case, trees: list[Tree], common: list[str], rounds: int
) -> dict[str, list[dict[str, Any]]]:
    """The figures of both trees, measured in turn."""
    runs: dict[str, list[dict[str, Any]]] = {tree.name: [] for tree in trees}
    for number in range(rounds):
        for tree in trees if number % 2 == 0 else reversed(trees):
            runs[tree.name].append(tree.measure(*case.arguments, *common))
    return runs


def median(runs: list[dict[str, Any]], name: str) -> float:
    """The median of one figure."""
    return statistics.median(run[name] for run in runs)


def busy(runs: list[dict[str, Any]]) -> float:
    """The share of the cores that a tree had; far below 1 if the machine was busy."""
    return statistics.median(run["cpu_seconds"] / (THREADS * run["seconds"]) for run in runs)


def row(name: str, case: Case, runs: dict[str, list[dict[str, Any]]]) -> list[str]:
    """One line of the table."""
    ours, others = runs.values()
    speeds = median(ours, case.figure), median(others, case.figure)
    work = [median(side, case.figure) / busy(side) for side in (ours, others)]
    memory = [median(side, "peak_memory_bytes") / 1e6 for side in (ours, others)]
    return [
        name,
        *(f"{speed:,.1f}" for speed in speeds),
        f"{speeds[0] / speeds[1]:.3f}",
        f"{work[0] / work[1]:.3f}",
        *(f"{one:,.0f}" for one in memory),
        f"{memory[1] / memory[0]:.3f}",
        f"{busy(ours):.2f}, {busy(others):.2f}",
    ]


def table(rows: list[list[str]]) -> str:
    """Rows as a Markdown table."""
    head = ["", "a second", "other", "ratio", "ratio by processor time"]
    head += ["peak, MB", "other, MB", "ratio", "share of the cores"]
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Measure two checkouts in turn.")
    parser.add_argument("--work", type=Path, required=True, help="folder to write to")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of Multi30k")
    parser.add_argument("--other", type=Path, required=True, help="the other checkout")
    parser.add_argument("--other-python", type=Path, help="by default its .venv/bin/python")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each side")
    parser.add_argument("--seconds", type=float, default=60, help="of each training")
    parser.add_argument("--sentences", type=int, default=1000, help="of each decoding at batch 64")
    parser.add_argument("--one-by-one", type=int, default=200, help="sentences at batch 1")
    parser.add_argument("--steps", type=float, default=1000, help="batches that the model learns")
    parser.add_argument("--only", nargs="*", default=list(CASES), choices=list(CASES))
    return parser.parse_args()


def make_translator(tree: Tree, work: Path, common: list[str], steps: float) -> None:
    """Train a translator that both trees can load, unless there is one."""
    if not (work / "keras_s2s").is_dir():
        print(f"training a translator, {steps:,.0f} batches", file=sys.stderr, flush=True)
        tree.measure("train", *common, "--steps", str(steps), "--save")


def main() -> None:
    """Measure and print."""
    arguments = parse_arguments()
    other = arguments.other.resolve()
    python = arguments.other_python or other / ".venv" / "bin" / "python"
    trees = [
        Tree("this tree", HERE.parents[1], Path(sys.executable)),
        Tree("other", other, python.absolute()),
    ]
    work = arguments.work.resolve()
    folders = ["--work", str(work), "--data", str(arguments.data.resolve())]
    if any(CASES[name].figure == DECODING for name in arguments.only):
        make_translator(trees[1], work, folders, arguments.steps)
    print(f"{processor()}, {THREADS} threads\n", flush=True)
    rows, everything = [], {}
    for name in arguments.only:
        case, common = CASES[name], list(folders)
        if case.figure == TRAINING:
            common += ["--seconds", str(arguments.seconds)]
        else:
            is_batch = "64" in case.arguments
            count = arguments.sentences if is_batch else arguments.one_by_one
            common += ["--sentences", str(count)]
        runs = everything[name] = measure(case, trees, common, arguments.rounds)
        rows.append(row(name, case, runs))
        print(f"{name}: {rows[-1][3]}", file=sys.stderr, flush=True)
    print(table(rows))
    print(json.dumps(everything))


if __name__ == "__main__":
    main()

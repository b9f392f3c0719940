"""Measure keras-s2s and OpenNMT-tf in turn, in one run, and print the ratios.

    .venv/bin/python tests/benchmarks/compare.py training --work WORK --peer PEER/bin/python
    .venv/bin/python tests/benchmarks/compare.py decoding --work WORK --peer PEER/bin/python

Both sides get two cores. `--rounds` measures each side several times, in turn, and takes medians.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
TRAINING = {
    "keras-s2s, the same shape, float32": ["--shape", "peer"],
    "keras-s2s, default recipe, bfloat16": ["--shape", "default", "--precision", "bfloat16"],
}


def measure(python: str, script: str, *arguments: str) -> dict[str, Any]:
    """Run a benchmark in a separate process and return its figures."""
    command = [python, str(HERE / script), *arguments]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{finished.stderr[-2000:]}")
    return json.loads(finished.stdout.splitlines()[-1])


def table(rows: list[list[str]]) -> str:
    """Return rows as a Markdown table; the first row is the header."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])


def median(runs: list[dict[str, Any]], name: str) -> float:
    """Return the median of one figure."""
    return statistics.median(run[name] for run in runs)


def compare_training(arguments: argparse.Namespace) -> None:
    """Print training speed in target tokens per second, and memory."""
    common = ["train", "--work", str(arguments.work), "--seconds", str(arguments.seconds)]
    runs: dict[str, list[dict[str, Any]]] = {"OpenNMT-tf, float32": [], **{n: [] for n in TRAINING}}
    for _ in range(arguments.rounds):
        runs["OpenNMT-tf, float32"].append(measure(arguments.peer, "peer_opennmt.py", *common))
        for name, extra in TRAINING.items():
            runs[name].append(measure(sys.executable, "ours.py", *common, *extra))
    base = median(runs["OpenNMT-tf, float32"], "target_tokens_per_second")
    rows = [["", "target tokens/s", "ratio", "share of matrix peak", "peak memory, MB"]]
    for name, found in runs.items():
        speed = median(found, "target_tokens_per_second")
        share = f"{median(found, 'share_of_peak'):.2f}" if "share_of_peak" in found[0] else ""
        memory = f"{median(found, 'peak_memory_bytes') / 1e6:,.0f}"
        rows.append([name, f"{speed:,.0f}", f"{speed / base:.2f}", share, memory])
    print(table(rows))
    print(json.dumps(runs))


def compare_decoding(arguments: argparse.Namespace) -> None:
    """Print decoding speed in sentences per second, and memory; both sides use our weights."""
    share = [sys.executable, str(HERE / "share_weights.py"), "--work", str(arguments.work)]
    subprocess.run(share, capture_output=True, check=True)
    sides = {"OpenNMT-tf": ["--shared-weights"], "keras-s2s, the same weights": []}
    if arguments.model is not None:
        sides["keras-s2s, default recipe"] = ["--model", str(arguments.model)]
    rows = [
        ["batch, beam", "", "sentences/s", "ratio", "tokens a sentence", "BLEU", "peak memory, MB"]
    ]
    everything = {}
    for batch, beam in ((64, 1), (64, 5), (1, 1), (1, 5)):
        common = ["translate", "--work", str(arguments.work)]
        common += ["--batch", str(batch), "--beam", str(beam)]
        runs: dict[str, list[dict[str, Any]]] = {name: [] for name in sides}
        for _ in range(arguments.rounds):
            for name, extra in sides.items():
                ours = name != "OpenNMT-tf"
                python, script = (
                    (sys.executable, "ours.py") if ours else (arguments.peer, "peer_opennmt.py")
                )
                runs[name].append(measure(python, script, *common, *extra))
        base = median(runs["OpenNMT-tf"], "sentences_per_second")
        for name, found in runs.items():
            speed = median(found, "sentences_per_second")
            tokens = median(found, "output_tokens") / median(found, "sentences")
            memory = f"{median(found, 'peak_memory_bytes') / 1e6:,.0f}"
            bleu = f"{median(found, 'bleu'):.1f}"
            figures = [f"{speed:,.1f}", f"{speed / base:.2f}", f"{tokens:.1f}", bleu, memory]
            rows.append([f"{batch}, {beam}", name, *figures])
        everything[f"{batch}, {beam}"] = runs
    print(table(rows))
    print(json.dumps(everything))


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description="Measure both sides in one run.")
    parser.add_argument("what", choices=("training", "decoding"))
    parser.add_argument("--work", type=Path, required=True, help="folder of prepare.py")
    parser.add_argument("--peer", required=True, help="the peer environment's python")
    parser.add_argument("--seconds", type=float, default=60, help="of each training run")
    parser.add_argument("--model", type=Path, help="decoding: a translator of the default recipe")
    parser.add_argument("--rounds", type=int, default=1, help="runs of each side")
    arguments = parser.parse_args()
    (compare_training if arguments.what == "training" else compare_decoding)(arguments)


if __name__ == "__main__":
    main()

"""Train on 1, 2 and 4 workers of one machine: time and bytes per step; an estimate for more.

Usage: python tests/benchmarks/workers.py [--steps N] [--workers N ...]

The model is that of the command line's defaults; a batch has 2,048 target tokens in total, whatever
the number of workers. The workers share the cores of this machine and communicate over a separate
loopback interface, whose counter gives the bytes sent: this measures the overhead of distribution,
not the speed-up by more machines. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
LAUNCHER = HERE.parents[1] / "training" / "worker_processes.py"
SIZE, SENTENCES, LENGTH = 6000, 128, 16
WARM_UP = 5
# For the estimate: bytes per second of a link, and seconds of latency of one message.
LINKS = {"1 Gbit/s": 125e6, "10 Gbit/s": 1.25e9, "100 Gbit/s": 12.5e9}
DELAY = 50e-6


def sent() -> int:
    """Bytes sent over the loopback interface of this network namespace."""
    (line,) = (
        row for row in Path("/proc/net/dev").read_text().splitlines() if row.lstrip()[:3] == "lo:"
    )
    return int(line.split(":")[1].split()[8])


def train(kind: str, steps: int) -> None:
    """Run one worker; the chief prints its measurements."""
    import keras
    import numpy as np

    from keras_s2s import Batches
    from keras_s2s.recipe.build_model import make_model
    from keras_s2s.recipe.config import Recipe
    from keras_s2s.recipe.fit import compile_model
    from keras_s2s.recipe.resume import Run
    from keras_s2s.training.distribution import (
        distribute_dataset,
        is_chief,
        make_strategy,
        patch_multi_worker_fit,
    )

    run, recipe = Run(strategy=make_strategy(kind)), Recipe()
    keras.utils.set_random_seed(1)
    with run.scope():
        model = make_model(SIZE, SIZE, recipe)
        compile_model(model, recipe)
    draw = np.random.default_rng(0)
    rows = draw.integers(4, SIZE, (4 * SENTENCES, LENGTH - 1)).tolist()
    batches = Batches(rows, rows, batch_sentences=SENTENCES)

    class Clock(keras.callbacks.Callback):
        """Time and bytes from the end of the warm-up to the last step."""

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch in (WARM_UP - 1, WARM_UP + steps - 1):
                marks.append((time.perf_counter(), sent()))

    marks: list[tuple[float, int]] = []
    with patch_multi_worker_fit(run.strategy):
        model.fit(
            distribute_dataset(batches.dataset(), run.strategy),
            steps_per_epoch=WARM_UP + steps,
            verbose=0,  # pyright: ignore[reportArgumentType]
            shuffle=False,
            callbacks=[Clock()],
        )
    (start, before), (end, after) = marks
    if is_chief():
        found = {
            "seconds": (end - start) / steps,
            "bytes": (after - before) / steps,
            "weights": model.count_params(),
            "tokens": SENTENCES * LENGTH,
        }
        print("MEASURED", json.dumps(found), flush=True)


def measure(workers: int, steps: int) -> dict[str, Any]:
    """Run a number of workers, 0 for no strategy, and return the chief's measurements."""
    words = [str(HERE), "--worker", "multi_worker" if workers else "none", "--steps", str(steps)]
    command = [sys.executable, str(LAUNCHER), str(max(workers, 1)), *words]
    done = subprocess.run(command, capture_output=True, text=True, input="", check=False)
    for line in done.stdout.splitlines():
        if line.startswith("MEASURED "):
            return {"workers": workers, **json.loads(line.removeprefix("MEASURED "))}
    raise RuntimeError(done.stderr[-2000:])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2, 4])
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        train(options.worker, options.steps)
        return
    results = [measure(workers, options.steps) for workers in options.workers]
    print("| workers | ms a step | target tokens/s | MB over the network a step |")
    print("| --- | --- | --- | --- |")
    for one in results:
        name = one["workers"] or "no strategy"
        speed = one["tokens"] / one["seconds"]
        print(f"| {name} | {1e3 * one['seconds']:.0f} | {speed:,.0f} | {one['bytes'] / 1e6:,.1f} |")
    gradients = 4 * results[0]["weights"]
    print(f"\ngradients: {gradients / 1e6:.1f} MB; all-reduce in a ring, on paper:")
    print(
        "| machines | MB that each sends | " + " | ".join(f"ms at {link}" for link in LINKS) + " |"
    )
    print("| --- | --- | " + " | ".join("---" for _ in LINKS) + " |")
    for machines in (2, 8, 64):
        own = 2 * (machines - 1) / machines * gradients
        delay = 2 * (machines - 1) * DELAY
        times = (f"{1e3 * (own / carried + delay):.0f}" for carried in LINKS.values())
        print(f"| {machines} | {own / 1e6:.0f} | {' | '.join(times)} |")
    print(json.dumps(results))


if __name__ == "__main__":
    main()

"""Cost of a checkpoint: seconds to write and to read one, and its share of the training time.

Usage: python tests/benchmarks/checkpoints.py [--minutes N]

The model is that of the command line's defaults, trained briefly on random ids, so that the state
of the optimizer is complete; the best weights are saved as well. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import keras
import numpy as np

from keras_s2s import Batches
from keras_s2s.recipe.build_model import make_model
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.fit import compile_model
from keras_s2s.training.checkpoint_files import Position
from keras_s2s.training.checkpoints import Checkpoints
from keras_s2s.training.resume import resumable_fit
from keras_s2s.training.validation import BestWeights

SIZE, ROUNDS = 6000, 5


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="between two checkpoints")
    minutes = parser.parse_args().minutes
    keras.utils.set_random_seed(1)
    model, recipe = make_model(SIZE, SIZE, Recipe()), Recipe()
    compile_model(model, recipe)
    rows = np.random.default_rng(0).integers(4, SIZE, (64, 9)).tolist()
    batches = Batches(rows, rows, batch_sentences=16)
    with tempfile.TemporaryDirectory() as folder:
        checkpoints = Checkpoints(folder)
        resumable_fit(model, batches, 1, checkpoints, [BestWeights(batches.epoch(0))])
        position, times = Position(1, 0, batches.steps_per_epoch), []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            checkpoints.save(model, position)
            times.append(time.perf_counter() - start)
        size = sum(path.stat().st_size for path in Path(folder).glob("*/*"))
        start = time.perf_counter()
        checkpoints.restore(model)
        reading = time.perf_counter() - start
    writing = statistics.median(times)
    share = writing / (60 * minutes)
    print(
        f"{model.count_params():,} weights, {size / 1e6:.0f} MB: written in {writing:.2f} s, read "
        f"in {reading:.2f} s; every {minutes:g} minutes that is {100 * share:.2f} % of the time, "
        f"and 3 % every {writing / 0.03:.0f} s"
    )
    print(json.dumps({"bytes": size, "write": times, "read": reading, "share": share}))


if __name__ == "__main__":
    main()

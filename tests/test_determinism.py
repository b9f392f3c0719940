"""The same seed gives the same weights and the same answers, in one process and in the next."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

OPTIONS: list[Any] = [
    # Another default run of two processes with the same bits is in recipe/test_killed_training.py.
    pytest.param({"precision": "float32"}, marks=pytest.mark.slow),
    pytest.param(
        {"precision": "bfloat16", "attention": "bahdanau", "scheduled_sampling": "linear"},
        marks=pytest.mark.slow,
    ),
]
TRAINING = """
import hashlib, json, sys
import numpy as np
from keras_s2s.recipe.train import Recipe, train

random = np.random.default_rng(1)
words = "the dog cat runs sleeps in house snow near red blue big man child ball tree".split()
sources = [" ".join(random.choice(words, random.integers(2, 9))) for _ in range(150)]
pairs = [(source, source[::-1]) for source in sources]
options = {"word_dropout": 0.1, "vocabulary_size": 60, "units": 96, "embedding": 48, "epochs": 2}
recipe = Recipe(**options, **json.loads(sys.argv[1]))
translator = train(pairs, pairs[:40], sys.argv[2], recipe, report=lambda line: None)
weights = b"".join(weight.tobytes() for weight in translator.model.get_weights())
print(json.dumps([hashlib.sha256(weights).hexdigest(), translator.translate(sources[:20])]))
"""


def trained(folder: Path, *several: dict[str, Any]) -> list[list[Any]]:
    """What processes beside each other find: the digest of the weights, and answers."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TRAINING, json.dumps(options), str(folder / str(number))],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for number, options in enumerate(several)
    ]
    return [json.loads(process.communicate()[0]) for process in processes]


@pytest.mark.parametrize("options", OPTIONS, ids=["float32", "bfloat16"])
def test_two_processes_train_the_same_weights_with_all_that_is_drawn(
    options: dict[str, Any], tmp_path: Path
) -> None:
    first, second = trained(tmp_path, options, options)
    assert first == second
    assert len(set(first[1])) > 1
    for name in ("source_tokenizer/tokenizer.model", "history.json", "samples.json"):
        assert (tmp_path / "0" / name).read_bytes() == (tmp_path / "1" / name).read_bytes()


@pytest.mark.slow
def test_another_seed_trains_other_weights(tmp_path: Path) -> None:
    first, second = trained(tmp_path, {"seed": 1}, {"seed": 2})
    assert first[0] != second[0]

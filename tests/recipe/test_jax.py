"""The recipe under JAX: trained, resumed bit for bit, translated, and read by TensorFlow."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from keras_s2s import Greedy, Translator
from keras_s2s.training.distribution import check_strategy

ON_JAX = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}


@pytest.mark.slow  # Another process, in which XLA compiles a step for each shape of a batch.
def test_it_trains_resumes_with_the_same_bits_and_translates(tmp_path: Path) -> None:
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed: pip install jax")
    program = str(Path(__file__).with_name("jax_training.py"))
    done = subprocess.run(
        [sys.executable, program, str(tmp_path)],
        env=ON_JAX,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    losses = json.loads((tmp_path / "whole" / "history.json").read_bytes())["val_loss"]
    assert losses[-1] < 0.9 * losses[0]
    words = ["ab", "ba", "cab", "abc", "bca", "cc", "a", "bb", "acb", "cba"]
    answers = Translator.load(tmp_path / "whole").translate(words, search=Greedy())
    assert answers == json.loads(done.stdout.splitlines()[-1])


def test_a_strategy_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    check_strategy("none")
    with pytest.raises(ValueError, match="needs Keras on TensorFlow. Received: 'mirrored' on jax"):
        check_strategy("mirrored")

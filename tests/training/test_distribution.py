import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from keras.src.backend.tensorflow import trainer

from keras_s2s.training import distribution
from keras_s2s.training.distribution import (
    _parts,
    all_reduce_mean,
    check_cluster,
    distribute_dataset,
    is_chief,
    make_strategy,
    patch_multi_worker_fit,
)

HERE = Path(__file__).parent
PROGRAM, WORKERS = str(HERE / "distributed_training.py"), str(HERE / "worker_processes.py")
NO_NAMESPACE = 77


def run(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, input="", timeout=600, check=False
    )


def run_workers(count: int, output: Path, *words: str) -> subprocess.CompletedProcess:
    goal = str(output / "WORKER.npz")
    found = run(WORKERS, str(count), PROGRAM, "multi_worker", str(count), goal, *words)
    if found.returncode == NO_NAMESPACE:
        pytest.skip("this system gives no network namespace, and a port must not be open to others")
    return found


@pytest.fixture(scope="module")
def one_device(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    path = tmp_path_factory.mktemp("one") / "one.npz"
    found = run(PROGRAM, "none", "1", str(path))
    assert found.returncode == 0, found.stderr
    return dict(np.load(path))


def assert_alike(path: Path, expected: dict[str, np.ndarray]) -> None:
    found = dict(np.load(path))
    assert found.keys() == expected.keys()
    assert len(found["losses"]) == 50
    for name in found.keys() - {"mean"}:
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-5, err_msg=name)


def test_the_training_moves_the_weights(one_device: dict[str, np.ndarray]) -> None:
    losses = one_device["losses"]
    assert losses[0] - losses[-1] > 0.3


# Another process, whose graphs are as many times as large; several processes do the same below.
@pytest.mark.slow
@pytest.mark.parametrize("devices", [1, 2, 3])
def test_several_devices_train_as_one_does(
    devices: int, tmp_path: Path, one_device: dict[str, np.ndarray]
) -> None:
    path = tmp_path / "found.npz"
    found = run(PROGRAM, "mirrored", str(devices), str(path))
    assert found.returncode == 0, found.stderr
    assert_alike(path, one_device)


# Four processes on two cores take minutes.
@pytest.mark.slow  # Three processes train: 30 s and more.
@pytest.mark.parametrize("count", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_several_processes_train_as_one_does(
    count: int, tmp_path: Path, one_device: dict[str, np.ndarray]
) -> None:
    found = run_workers(count, tmp_path)
    assert found.returncode == 0, found.stderr
    for number in range(count):
        assert_alike(tmp_path / f"{number}.npz", one_device)
        assert np.load(tmp_path / f"{number}.npz")["mean"] == 1 / count


@pytest.mark.slow  # Of Keras and not of this package: it can only change with Keras' version.
def test_stock_keras_still_fails_with_several_workers(tmp_path: Path) -> None:
    """When this fails, `patch_multi_worker_fit` can be removed."""
    found = run_workers(2, tmp_path, "stock")
    assert found.returncode != 0
    assert "PerReplica" in found.stderr


@given(st.integers(1, 9), st.integers(1, 4), st.integers(1, 5))
def test_each_row_goes_to_one_device_and_all_get_as_many(
    rows: int, length: int, count: int
) -> None:
    ids = np.arange(4, 4 + rows * length).reshape(rows, length)
    parts = [_parts(ids, count, place, 1).numpy() for place in range(count)]
    assert len({part.shape for part in parts}) == 1
    together = np.concatenate([part[0] for part in parts])
    np.testing.assert_array_equal(together[:rows], ids)
    assert not together[rows:].any()
    np.testing.assert_array_equal(_parts(ids, count, 0, count).numpy(), np.concatenate(parts))


def test_without_a_strategy_nothing_is_distributed_averaged_or_patched() -> None:
    batches = tf.data.Dataset.range(3)
    assert make_strategy("none") is None
    assert distribute_dataset(batches, None) is batches
    assert all_reduce_mean({"loss": 2.0}, None) == {"loss": 2.0}
    stock = trainer.reduce_per_replica, trainer.TensorFlowTrainer._maybe_symbolic_build
    with patch_multi_worker_fit(None):
        assert stock == (
            trainer.reduce_per_replica,
            trainer.TensorFlowTrainer._maybe_symbolic_build,
        )


def test_no_patch_of_keras_outlives_its_context(monkeypatch: pytest.MonkeyPatch) -> None:
    def current() -> tuple:
        return trainer.reduce_per_replica, trainer.TensorFlowTrainer._maybe_symbolic_build

    monkeypatch.setattr(distribution, "is_multi_worker", lambda strategy: True)
    stock = current()
    with pytest.raises(KeyError), patch_multi_worker_fit(None):
        assert current()[0] is not stock[0] and current()[1] is not stock[1]
        raise KeyError
    assert current() == stock


def test_a_strategy_is_one_of_four() -> None:
    with pytest.raises(ValueError, match="`strategy` must be one of .* Received: strategy='all'"):
        make_strategy("all")


def cluster(**task: object) -> str:
    return json.dumps({"cluster": {"worker": ["a:1", "b:2"]}, "task": task})


@pytest.mark.parametrize(
    "config",
    [
        None,
        "",
        "{",
        "[]",
        "{}",
        '{"cluster": {"worker": []}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": "a:1"}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a:1"], "ps": []}, "task": {"type": "worker", "index": 0}}',
        cluster(type="worker"),
        cluster(type="worker", index=2),
        cluster(type="worker", index="x"),
        cluster(type="evaluator", index=0),
        cluster(type="worker", index=0.7),
        cluster(type="worker", index=False),
        cluster(type="worker", index=float("inf")),
        "[" * 100_000,
        '{"cluster": {"worker": ["no port"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a:1", "a:1"]}, "task": {"type": "worker", "index": 0}}',
    ],
)
def test_a_cluster_that_does_not_say_who_is_who_is_refused(config: str | None) -> None:
    with pytest.raises(ValueError, match=r"^TF_CONFIG must be like .* Received: TF_CONFIG="):
        check_cluster(config)


def test_the_first_worker_is_the_chief(monkeypatch: pytest.MonkeyPatch) -> None:
    check_cluster(cluster(type="worker", index=1))
    assert is_chief()
    for number, is_first in ((0, True), (1, False)):
        monkeypatch.setenv("TF_CONFIG", cluster(type="worker", index=number))
        assert is_chief() == is_first

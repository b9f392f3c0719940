"""Trainings by the command line that are killed, told to end, or run out of disk."""

import importlib.util
import random
import signal
import time
from pathlib import Path
from types import ModuleType

import pytest

from keras_s2s.terminal import TRY_AGAIN


def load(name: str) -> ModuleType:
    path = Path(__file__).parent / "training" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


runs = load("killed_training")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds corpora, and the training `whole` that nothing disturbed."""
    folder = tmp_path_factory.mktemp("killed")
    runs.write_corpora(folder)
    found = runs.train(folder, "whole")
    assert found.returncode == 0, found.stderr
    assert not (folder / "whole.checkpoints").exists()
    return folder


def test_killed_in_a_write_and_told_to_end_it_trains_the_same_weights(folder: Path) -> None:
    def in_a_late_write() -> bool:
        return runs.newest_step(folder, "cut") >= 20 and runs.is_writing(folder, "cut")

    every = ("--checkpoint-steps", "1")
    status, said = runs.stopped(folder, "cut", in_a_late_write, signal.SIGKILL, *every)
    assert status == -signal.SIGKILL, said
    killed_at = runs.newest_step(folder, "cut")

    found = runs.train(folder, "cut")
    assert found.returncode == 2
    assert "Go on with --resume, or delete that folder." in found.stderr
    found = runs.train(folder, "cut", "--resume", "--dropout", "0.3")
    assert found.returncode == 2
    assert "with the pairs and the options that it began with" in found.stderr

    def later() -> bool:
        return runs.newest_step(folder, "cut") >= killed_at + 4

    status, said = runs.stopped(folder, "cut", later, signal.SIGTERM, "--resume", *every)
    assert status == TRY_AGAIN == 75, said
    assert f"going on from {folder}/cut.checkpoints/" in said
    assert not runs.is_writing(folder, "cut")

    found = runs.train(folder, "cut", "--resume")
    assert found.returncode == 0, found.stderr
    assert runs.are_same(folder / "cut", folder / "whole")
    assert not (folder / "cut.checkpoints").exists()


def test_a_finished_training_is_not_trained_again(folder: Path) -> None:
    before = (folder / "whole" / "model.keras").stat().st_mtime_ns
    found = runs.train(folder, "whole", "--resume")
    assert found.returncode == 0
    assert "is finished" in found.stderr
    assert (folder / "whole" / "model.keras").stat().st_mtime_ns == before


@pytest.mark.slow
def test_killed_at_twenty_random_moments_it_trains_the_same_weights(folder: Path) -> None:
    """Prints where it was killed, for the table of the README."""
    draw = random.Random(3)
    survived = in_writes = 0
    for kill in range(20):
        output = f"random_{kill}"
        aim = draw.randrange(1, 50)
        wait = draw.random() * 0.2
        waits_for_write = kill % 3 == 0
        reached: list[float] = []

        def is_time(
            output: str = output,
            aim: int = aim,
            wait: float = wait,
            waits_for_write: bool = waits_for_write,
            reached: list[float] = reached,
        ) -> bool:
            if not reached and runs.newest_step(folder, output) >= aim:
                reached.append(time.monotonic())
            if not reached:
                return False
            if waits_for_write:
                return runs.is_writing(folder, output)
            return time.monotonic() - reached[0] >= wait

        steps = ("--checkpoint-steps", str(draw.choice((1, 2, 3))))
        status, _ = runs.stopped(folder, output, is_time, signal.SIGKILL, *steps)
        in_writes += runs.is_writing(folder, output)
        found = runs.train(folder, output, "--resume", *steps)
        assert found.returncode == 0, found.stderr
        is_same = runs.are_same(folder / output, folder / "whole")
        print(f"killed at step {aim} and {wait:.2f} s (status {status}): same weights {is_same}")
        survived += is_same
    print(f"{survived} of 20 ended with the same weights; {in_writes} were killed in a write")
    assert survived == 20
    assert in_writes > 0

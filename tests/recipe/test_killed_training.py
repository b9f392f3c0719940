"""Trainings by the command line that are killed, told to end, or run out of disk."""

import importlib.util
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from keras_s2s.cli.main import main
from keras_s2s.training.distribution import TRY_AGAIN


def load(name: str) -> ModuleType:
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


runs = load("killed_training")
NO_NAMESPACE = 77


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds corpora, and the training `whole` that nothing disturbed."""
    folder = tmp_path_factory.mktemp("killed")
    runs.write_corpora(folder)
    found = runs.train(folder, "whole")
    assert found.returncode == 0, found.stderr
    assert not (folder / "whole.checkpoints").exists()
    return folder


def told(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[object, str]:
    """The status and what is said of a training that does not begin, without another process."""
    program, _, _, *given = runs.command(*words)
    assert program == sys.executable
    with pytest.raises(SystemExit) as left:
        main(given)
    return left.value.code, capsys.readouterr().err


EVERY = ("--checkpoint-steps", "1")


def kill_in_a_late_write(folder: Path, output: str) -> None:
    def in_a_late_write() -> bool:
        return runs.newest_step(folder, output) >= 20 and runs.is_writing(folder, output)

    status, said = runs.stopped(folder, output, in_a_late_write, signal.SIGKILL, *EVERY)
    assert status == -signal.SIGKILL, said


# Three processes that import TensorFlow and train. In the default tests: training/test_resume.py
# stops at every kind of place in one process, and has what a killed write leaves.
@pytest.mark.slow
def test_killed_in_a_write_it_trains_the_same_weights(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kill_in_a_late_write(folder, "cut")
    status, said = told(capsys, folder, "cut")
    assert status == 2
    assert "Go on with --resume, or delete that folder." in said
    status, said = told(capsys, folder, "cut", "--resume", "--dropout", "0.3")
    assert status == 2
    assert "with the pairs and the options that it began with" in said
    assert "Received: --dropout 0.3 instead of " in said
    found = runs.train(folder, "cut", "--resume")
    assert found.returncode == 0, found.stderr
    assert runs.are_same(folder / "cut", folder / "whole")
    assert not (folder / "cut.checkpoints").exists()


# Three processes; in one, training/test_resume.py sends the signal.
@pytest.mark.slow
def test_killed_in_a_write_and_told_to_end_it_trains_the_same_weights(folder: Path) -> None:
    kill_in_a_late_write(folder, "told")
    killed_at = runs.newest_step(folder, "told")

    def later() -> bool:
        return runs.newest_step(folder, "told") >= killed_at + 4

    status, said = runs.stopped(folder, "told", later, signal.SIGTERM, "--resume", *EVERY)
    assert status == TRY_AGAIN == 75, said
    assert f"resuming from {folder}/told.checkpoints/" in said
    assert not runs.is_writing(folder, "told")
    found = runs.train(folder, "told", "--resume")
    assert found.returncode == 0, found.stderr
    assert runs.are_same(folder / "told", folder / "whole")


@pytest.mark.filterwarnings("ignore:vocabulary_size=.* is more than the text fills")
def test_a_finished_training_is_not_trained_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path
    runs.write_corpora(folder)
    status, said = told(capsys, folder, "whole")
    assert status == 0, said
    before = (folder / "whole" / "model.keras").stat().st_mtime_ns
    status, said = told(capsys, folder, "whole", "--resume")
    assert status == 0
    assert "is finished" in said
    status, said = told(capsys, folder, "whole", "--resume", "--dropout", "0.3")
    assert status == 2
    assert "is finished, and resuming does not replace it by another" in said
    assert (folder / "whole" / "model.keras").stat().st_mtime_ns == before


@pytest.mark.slow  # Forty trainings.
def test_killed_at_twenty_random_moments_it_trains_the_same_weights(folder: Path) -> None:
    """Prints where it was killed, for the table of the documentation."""
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


def start_workers(folder: Path, *more: str) -> subprocess.Popen:
    """Two workers of one training, whose launcher takes the numbers of those to kill."""
    launcher = str(Path(__file__).parents[1] / "training" / "worker_processes.py")
    words = runs.command(folder, "shared", "--strategy", "multi_worker", *more)[1:]
    return subprocess.Popen(
        [sys.executable, launcher, "2", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow  # Four processes, and minutes of waiting.
@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_worker_is_noticed_and_all_go_on_together(victim: int, folder: Path) -> None:
    shutil.rmtree(folder / "shared", ignore_errors=True)
    workers = start_workers(folder, "--checkpoint-steps", "3")
    while workers.poll() is None and runs.newest_step(folder, "shared") < 20:
        time.sleep(0.01)
    if workers.returncode == NO_NAMESPACE:
        pytest.skip("this system gives no network namespace, and a port must not be open to others")
    _, said = workers.communicate(f"{victim}\n", timeout=300)
    assert f"worker {victim} (127.0.0.1:" in said
    assert "is gone, and the training waits for none" in said
    assert runs.newest_step(folder, "shared") >= 20

    again = start_workers(folder, "--resume")
    _, said = again.communicate("", timeout=600)
    assert again.returncode == 0, said
    found, expected = runs.weights(folder / "shared"), runs.weights(folder / "whole")
    assert found.keys() == expected.keys()
    for name, value in found.items():
        np.testing.assert_allclose(value, expected[name], rtol=0, atol=1e-5, err_msg=name)


@pytest.mark.slow  # Needs root; two trainings.
def test_a_full_disk_ends_it_in_one_line_and_the_last_checkpoint_is_whole(folder: Path) -> None:
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        found = runs.train(folder, "disk/full", "--checkpoint-steps", "2")
        assert found.returncode == 2
        assert "No space left on device" in found.stderr.splitlines()[-1]
        newest = runs.newest_step(folder, "disk/full")
        assert newest > 0
        shutil.copytree(disk / "full.checkpoints", folder / "full.checkpoints")
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    found = runs.train(folder, "full", "--resume")
    assert found.returncode == 0, found.stderr
    assert "warning" not in found.stderr.replace("warning: vocabulary_size", "")
    assert runs.are_same(folder / "full", folder / "whole")

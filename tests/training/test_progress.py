"""The count within an epoch: a line that is written over and leaves no trace."""

import io

from keras_s2s.training.progress import StepProgress


def counted(steps: int, interval: float) -> str:
    progress = StepProgress(io.StringIO(), interval=interval)
    progress.set_params({"steps": steps})
    progress.on_epoch_begin(0)
    for step in range(steps):
        progress.on_train_batch_end(step)
    progress.on_epoch_end(0)
    return progress.stream.getvalue()  # pyright: ignore[reportAttributeAccessIssue]


def test_every_step_is_told_and_wiped_away_at_last() -> None:
    lines = counted(steps=2, interval=0).split("\r")
    assert lines[1:3] == ["epoch 1: 1 of 2 steps", "epoch 1: 2 of 2 steps"]
    assert lines[3].isspace() and len(lines[3]) >= len(lines[2])
    assert lines[4] == ""


def test_it_is_told_no_more_often_than_the_interval() -> None:
    assert "steps" not in counted(steps=100, interval=3600)

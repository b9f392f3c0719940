"""The line within an epoch leaves no trace; the estimate is the median step times what is left."""

import io
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_s2s.training import progress
from keras_s2s.training.progress import StepProgress, TimeEstimate, duration


class Clock:
    """A clock that goes on only by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    yield clock


def shown(clock: Clock, steps: int | None, interval: float, tokens: int = 0) -> list[str]:
    """What is written in an epoch whose steps take two seconds each."""
    line = StepProgress(io.StringIO(), interval=interval, tokens_per_epoch=tokens)
    line.set_params({"steps": steps})
    line.on_epoch_begin(0)
    for step in range(steps or 2):
        clock.now += 2.0
        line.on_train_batch_end(step)
    line.on_epoch_end(0)
    return line.stream.getvalue().split("\r")  # pyright: ignore[reportAttributeAccessIssue]


def test_every_step_is_told_and_wiped_away_at_last(clock: Clock) -> None:
    lines = shown(clock, steps=40, interval=0, tokens=800)
    assert lines[1] == "epoch 1: 1 of 40 steps, 10 target tokens/s, 1 min 18 s left"
    assert lines[40].rstrip() == "epoch 1: 40 of 40 steps, 10 target tokens/s, 0 s left"
    assert lines[41].isspace() and len(lines[41]) == max(map(len, lines))
    assert lines[42] == ""


def test_a_shorter_line_covers_the_longer_one_before(clock: Clock) -> None:
    lines = shown(clock, steps=40, interval=0)[1:41]
    assert [len(line) for line in lines] == sorted(len(line) for line in lines)


def test_without_a_number_of_steps_there_is_no_time_left(clock: Clock) -> None:
    assert shown(clock, steps=None, interval=0)[1] == "epoch 1: 1 steps"


def test_it_is_told_no_more_often_than_the_interval(clock: Clock) -> None:
    assert len(shown(clock, steps=100, interval=20)) == 10 + 3


def estimated(clock: Clock, minutes: float | None = None) -> list[str]:
    """What is reported of 3 epochs of 100 steps: the first takes 50 seconds, each other 2."""
    lines: list[str] = []
    estimate = TimeEstimate(lines.append, epochs=3, minutes=minutes)
    estimate.set_params({"steps": 100})
    for epoch in range(3):
        estimate.on_epoch_begin(epoch)
        for step in range(100):
            clock.now += 50 if (epoch, step) == (0, 0) else 2
            estimate.on_train_batch_end(step)
        clock.now += 500  # Validation.
    return lines


def test_a_slow_first_step_does_not_count(clock: Clock) -> None:
    # After 60 seconds 6 of 300 steps are done.
    assert estimated(clock) == [
        "about 9 min 48 s left until the end of epoch 3, validation excluded; "
        "training may stop earlier"
    ]


def test_a_limit_of_time_bounds_the_estimate(clock: Clock) -> None:
    line = "about 2 min 0 s left of 3 min; training may stop earlier"
    assert estimated(clock, minutes=3) == [line]
    assert "until the end of epoch 3" in estimated(clock, minutes=300)[0]


def test_a_resumed_training_counts_what_is_left(clock: Clock) -> None:
    lines: list[str] = []
    estimate = TimeEstimate(lines.append, epochs=3)
    estimate.set_params({"steps": 100})
    estimate.on_epoch_begin(2)
    for step in range(40, 100):
        clock.now += 2
        estimate.on_train_batch_end(step)
    assert lines[0].startswith("about 1 min 0 s left")


@given(st.floats(0, 1e7))
def test_a_duration_is_right_to_its_smaller_unit(seconds: float) -> None:
    sizes = {"d": 86_400, "h": 3600, "min": 60, "s": 1}
    words = duration(seconds).split()
    pairs = list(zip(words[::2], words[1::2], strict=True))
    told = sum(int(number) * sizes[unit] for number, unit in pairs)
    assert 0 <= round(seconds) - told < sizes[pairs[-1][1]]

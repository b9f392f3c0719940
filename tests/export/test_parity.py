"""What counts as a difference between a model and an artifact, and what as rounding."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from keras_s2s.export.contract import Contract
from keras_s2s.export.parity import (
    Answer,
    compare,
    contract_run,
    greedy_answers,
    step_difference,
)

Run = Callable[[str, dict[str, np.ndarray]], dict[str, np.ndarray]]
SOURCE = [5, 6, 7, 3]


@pytest.fixture(scope="module")
def run(make: Callable[..., Any]) -> Run:
    return contract_run(Contract(make("dot", input_feeding=True).model))


def changed(run: Run, name: str, key: str, change: Callable[[np.ndarray], np.ndarray]) -> Run:
    def other(asked: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        found = run(asked, inputs)
        return {**found, key: change(found[key])} if asked == name else found

    return other


def agreement(expected: list[int], found: list[int], gap: float, difference: float) -> Any:
    answers = [Answer(ids, [gap] * len(ids)) for ids in (expected, found)]
    return compare(answers[:1], answers[1:], ["text"], 1e-3, lambda place: difference)


def test_equal_answers_are_the_same_and_no_step_is_asked_for() -> None:
    def never(place: int) -> float:
        raise AssertionError(place)

    answer = [Answer([5, 3], [1.0, 1.0])]
    found = compare(answer, answer, ["text"], 1e-3, never)
    assert (found.same, found.ties, found.drifts, found.first_difference) == (1, 0, 0, None)
    assert found.share == 1


def test_a_difference_between_two_equally_likely_tokens_is_a_tie() -> None:
    found = agreement([5, 6, 3], [5, 7, 3], gap=1e-4, difference=9.0)
    assert (found.ties, found.drifts, found.first_difference) == (1, 0, None)


def test_a_difference_that_no_single_step_makes_is_a_drift() -> None:
    found = agreement([5, 6, 3], [5, 7, 3], gap=0.3, difference=1e-5)
    assert (found.ties, found.drifts, found.first_difference) == (0, 1, None)


def test_without_a_tolerance_no_step_is_asked_for() -> None:
    def never(place: int) -> float:
        raise AssertionError(place)

    answers = [Answer(ids, [0.3, 0.3]) for ids in ([5, 3], [6, 3])]
    found = compare(answers[:1], answers[1:], ["text"], 0.0, never)
    assert found.share == 0 and found.first_difference is not None


def test_any_other_difference_is_named_with_its_place() -> None:
    found = agreement([5, 6, 3], [5, 7, 3], gap=0.3, difference=0.1)
    assert found.share == 0
    assert found.first_difference is not None
    assert "token 2 of the answer to 'text': the model says 6, the artifact 7" in (
        found.first_difference
    )
    short = agreement([5, 6, 3], [5, 6], gap=0.3, difference=0.1)
    assert short.first_difference is not None and "nothing more" in short.first_difference


def test_a_model_is_no_step_away_from_itself_though_its_path_may_be(run: Run) -> None:
    assert step_difference(run, run, SOURCE) == 0
    trembling = changed(run, "decode_step", "next_state", lambda state: state + 1e-6)
    assert 0 < step_difference(run, trembling, SOURCE) < 1e-5


def test_a_wrong_choice_shows_in_a_step(run: Run) -> None:
    wrong = changed(
        run, "decode_step", "next_token", lambda t: np.where(t == 4, 5, 4).astype(t.dtype)
    )
    assert step_difference(run, wrong, SOURCE) > 0.05


@pytest.mark.parametrize(
    ("name", "key"),
    [("encode", "state"), ("encode", "memory"), ("decode_step", "next_state")]
    + [("decode_step", "logits")],
)
def test_whatever_is_wrong_shows_in_a_step(run: Run, name: str, key: str) -> None:
    wrong = changed(run, name, key, lambda value: value[..., ::-1].copy())
    assert step_difference(run, wrong, SOURCE) > 0.05


def test_the_greedy_loop_stops_at_the_end_mark_or_the_limit(run: Run) -> None:
    never = changed(run, "decode_step", "next_token", lambda token: np.full_like(token, 5))
    (answer,) = greedy_answers(never, [SOURCE])
    assert len(answer.ids) == len(answer.gaps) == 3 * len(SOURCE) + 20
    at_once = changed(run, "decode_step", "next_token", lambda token: np.full_like(token, 3))
    assert greedy_answers(at_once, [SOURCE])[0].ids == [3]

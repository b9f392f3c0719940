"""Run an artifact and the model on the same sentences, and name the first difference."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from keras_s2s.inference.limits import default_limit
from keras_s2s.special_ids import END_ID, START_ID

from .litert.runtimes import encode_signature

# Difference of two logits below which either may win: what rounding the weights can do.
TOLERANCES = {"none": 1e-3, "float16": 5e-2, "int8": 0.0}


class Answer(NamedTuple):
    """One greedy answer."""

    ids: list[int]
    gaps: list[float]  # How far the second best logit was from the best, at each token.


def greedy_answers(
    run: Any, sources: Sequence[Sequence[int]], lengths: Sequence[int] = ()
) -> list[Answer]:
    """The greedy answer to each source.

    Args:
        run: `run(name, inputs) -> outputs`, arrays by name.
        sources: Ids, end mark included.
        lengths: Tokens that the signatures `encode_<S>` take, the last of them `encode`; none where
            `encode` takes any number.
    """
    return [_greedy(run, ids, lengths) for ids in sources]


def _greedy(run: Any, ids: Sequence[int], lengths: Sequence[int]) -> Answer:
    """The greedy loop around the contract's two functions, for one sentence."""
    fixed, state = _encoded(run, ids, lengths)
    token, found = np.array([START_ID], "int32"), Answer([], [])
    while len(found.ids) < default_limit(len(ids)) and token[0] != END_ID:
        step = run("decode_step", {"token": token, "state": state, **fixed})
        token, state = step["next_token"], step["next_state"]
        best = np.sort(np.partition(step["logits"][0], -2)[-2:])
        found.ids.append(int(token[0]))
        found.gaps.append(float(best[1] - best[0]))
    return found


def _encoded(
    run: Any, ids: Sequence[int], lengths: Sequence[int]
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """What stays the same from step to step, and the first state."""
    name, room = encode_signature(len(ids), lengths) if lengths else ("encode", len(ids))
    tokens = np.zeros((1, room), "int32")
    tokens[0, : len(ids)] = ids
    length = np.array([len(ids)], "int32")
    fixed = run(name, {"tokens": tokens, "length": length})
    state = fixed.pop("state")
    if "memory" in fixed:
        fixed["length"] = length
    return fixed, state


def step_difference(model: Any, run: Any, ids: Sequence[int], lengths: Sequence[int] = ()) -> float:
    """How far an artifact is from the model where both take every step from the model's state.

    A recurrence can make much of a little: after fifty steps rounding alone may have led it
    elsewhere. What no such step can be is wrong by itself.

    Args:
        model: The model's `run`.
        run: The artifact's.
        ids: A source, end mark included.
        lengths: The artifact's, as for `greedy_answers`.

    Returns:
        The largest difference of a logit or of a number of a state along the model's answer, or of
        the logits of two tokens that they choose.
    """
    fixed, state = _encoded(model, ids, ())
    own_fixed, own_state = _encoded(run, ids, lengths)
    worst = np.abs(own_state - state).max()
    token = np.array([START_ID], "int32")
    for _ in range(default_limit(len(ids))):
        step = model("decode_step", {"token": token, "state": state, **fixed})
        own = run("decode_step", {"token": token, "state": state, **own_fixed})
        for name in ("logits", "next_state"):
            worst = max(worst, np.abs(own[name] - step[name]).max())
        chosen = (int(one["next_token"][0]) for one in (step, own))
        best, own_best = (step["logits"][0, token] for token in chosen)
        worst = max(worst, best - own_best)
        token, state = step["next_token"], step["next_state"]
        if token[0] == END_ID:
            break
    return float(worst)


class Agreement(NamedTuple):
    """How many greedy answers of an artifact are those of the model.

    Attributes:
        sentences: How many were compared.
        same: Of these, token for token.
        ties: Of the others, those whose first difference is between two tokens that the model holds
            for equally likely, within `tolerance`.
        drifts: Of the others, those whose every single step agrees, within `tolerance`: rounding
            that the recurrence made much of.
        first_difference: What differs and how, or `None`.
    """

    sentences: int
    same: int
    ties: int
    drifts: int
    first_difference: str | None

    @property
    def share(self) -> float:
        """The share of sentences that agree, ties and drifts included."""
        agreeing = self.same + self.ties + self.drifts
        return agreeing / self.sentences if self.sentences else 1.0

    def to_dict(self) -> dict[str, Any]:
        """As plain values, for the manifest."""
        return {**self._asdict(), "share": round(self.share, 4)}


def compare(
    expected: Sequence[Answer],
    found: Sequence[Answer],
    texts: Sequence[str],
    tolerance: float,
    difference: Callable[[int], float],
) -> Agreement:
    """Compare greedy answers.

    Args:
        expected: The model's.
        found: The artifact's.
        texts: What was translated, to name it.
        tolerance: Gap between two logits below which a difference is a tie.
        difference: `step_difference` of a sentence, by its place; asked where answers differ that
            should not, which is where there is a tolerance.
    """
    same = ties = drifts = 0
    first = None
    for number, (text, ours, theirs) in enumerate(zip(texts, expected, found, strict=True)):
        if ours.ids == theirs.ids:
            same += 1
            continue
        place = next(
            (i for i, (a, b) in enumerate(zip(ours.ids, theirs.ids, strict=False)) if a != b),
            min(len(ours.ids), len(theirs.ids)),
        )
        gap = ours.gaps[place] if place < len(ours.gaps) else np.inf
        if gap <= tolerance:
            ties += 1
        elif tolerance and difference(number) <= tolerance:
            drifts += 1
        elif first is None:
            first = (
                f"token {place + 1} of the answer to {text!r}: the model says "
                f"{_at(ours.ids, place)}, the artifact {_at(theirs.ids, place)}; the model's "
                f"second best logit is {gap:.2g} below its best"
            )
    return Agreement(len(texts), same, ties, drifts, first)


def _at(ids: list[int], place: int) -> str:
    return str(ids[place]) if place < len(ids) else "nothing more"


def contract_run(contract: Any) -> Any:
    """The two functions of a `Contract` as graphs, for `greedy_answers`."""
    import tensorflow as tf

    functions = {
        "encode": tf.function(contract.encode, autograph=False, reduce_retracing=True),
        "decode_step": tf.function(contract.decode_step, autograph=False, reduce_retracing=True),
    }

    def run(name: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        given = {key: tf.constant(value) for key, value in inputs.items()}
        return {key: value.numpy() for key, value in functions[name](**given).items()}

    return run


def step_milliseconds(run: Any, room: int, steps: int = 200) -> float:
    """The median time of a `decode_step`, in milliseconds.

    Args:
        run: As for `greedy_answers`.
        room: Tokens of the source.
        steps: How many to measure.
    """
    length = np.array([room], "int32")
    inputs = run("encode", {"tokens": np.full((1, room), END_ID, "int32"), "length": length})
    inputs["token"] = np.array([START_ID], "int32")
    if "memory" in inputs:
        inputs["length"] = length
    times = []
    for _ in range(steps):
        start = time.perf_counter()
        run("decode_step", inputs)
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times))

"""Numerical verification of an artifact: its greedy translations compared with the model's."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keras_s2s.inference.limits import DEFAULT_LIMIT
from keras_s2s.special_ids import END_ID, START_ID

from .contract import Contract
from .golden import GOLDEN, write_golden_vectors
from .litert.runtimes import encode_signature

# Difference of two logits that rounding of the weights can cause: below it, either token may win.
TOLERANCES = {"none": 1e-3, "float16": 5e-2, "int8": 0.0}


class Answer(NamedTuple):
    """One greedy translation."""

    ids: list[int]
    gaps: list[float]  # The best logit minus the second best, at each token.


def greedy_answers(
    run: Any, sources: Sequence[Sequence[int]], lengths: Sequence[int] = ()
) -> list[Answer]:
    """The greedy translation of each source.

    Args:
        run: `run(name, inputs) -> outputs`, arrays by name.
        sources: Ids, end mark included.
        lengths: Source lengths of the signatures `encode_<S>`, the last one that of `encode`; empty
            if `encode` takes any length.
    """
    return [_greedy(run, ids, lengths) for ids in sources]


def _greedy(run: Any, ids: Sequence[int], lengths: Sequence[int]) -> Answer:
    """The greedy loop over the two functions of the contract, for one sentence."""
    fixed, state = _encoded(run, ids, lengths)
    token, found = np.array([START_ID], "int32"), Answer([], [])
    while len(found.ids) < DEFAULT_LIMIT.tokens(len(ids)) and token[0] != END_ID:
        step = run("decode_step", {"token": token, "state": state, **fixed})
        token, state = step["next_token"], step["next_state"]
        best = np.sort(np.partition(step["logits"][0], -2)[-2:])
        found.ids.append(int(token[0]))
        found.gaps.append(float(best[1] - best[0]))
    return found


def _encoded(
    run: Any, ids: Sequence[int], lengths: Sequence[int]
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The inputs that are the same at every step, and the initial state."""
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
    """Largest difference of any step, where artifact and model start each step from one state.

    A recurrence amplifies small differences: after fifty steps, rounding alone may lead to another
    translation. A single step cannot be far off unless something is wrong.

    Args:
        model: The model's `run`.
        run: The artifact's.
        ids: A source, end mark included.
        lengths: The artifact's, as for `greedy_answers`.

    Returns:
        The largest difference of a logit or of a state value along the model's translation, or of
        the logits of the two tokens that they choose.
    """
    fixed, state = _encoded(model, ids, ())
    own_fixed, own_state = _encoded(run, ids, lengths)
    worst = np.abs(own_state - state).max()
    token = np.array([START_ID], "int32")
    for _ in range(DEFAULT_LIMIT.tokens(len(ids))):
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
    """How many greedy translations of an artifact are those of the model.

    Attributes:
        sentences: Number of sentences.
        same: Sentences whose translations have the same tokens.
        ties: Sentences whose first difference is between two tokens with equal logits, within
            `tolerance`.
        drifts: Sentences of which every single step agrees, within `tolerance`: the recurrence has
            amplified rounding.
        first_difference: Description of the first other difference, or `None`.
    """

    sentences: int
    same: int
    ties: int
    drifts: int
    first_difference: str | None

    @property
    def share(self) -> float:
        """The fraction of sentences that agree, ties and drifts included."""
        agreeing = self.same + self.ties + self.drifts
        return agreeing / self.sentences if self.sentences else 1.0

    def to_dict(self) -> dict[str, Any]:
        """The entries for the manifest."""
        return {**self._asdict(), "share": round(self.share, 4)}


def compare(
    expected: Sequence[Answer],
    found: Sequence[Answer],
    texts: Sequence[str],
    tolerance: float,
    difference: Callable[[int], float],
) -> Agreement:
    """Compare greedy translations.

    Args:
        expected: The model's.
        found: The artifact's.
        texts: The source texts, for the description.
        tolerance: Difference of two logits below which a difference is a tie.
        difference: `step_difference` of a sentence, by its index; called only where translations
            differ by more than a tie, and only with a tolerance above 0.
    """
    same = ties = drifts = 0
    first = None
    for number, (text, ours, theirs) in enumerate(zip(texts, expected, found, strict=True)):
        if ours.ids == theirs.ids:
            same += 1
            continue
        position = next(
            (i for i, (a, b) in enumerate(zip(ours.ids, theirs.ids, strict=False)) if a != b),
            min(len(ours.ids), len(theirs.ids)),
        )
        gap = ours.gaps[position] if position < len(ours.gaps) else np.inf
        if gap <= tolerance:
            ties += 1
        elif tolerance and difference(number) <= tolerance:
            drifts += 1
        elif first is None:
            first = (
                f"token {position + 1} of the answer to {text!r}: the model says "
                f"{_at(ours.ids, position)}, the artifact {_at(theirs.ids, position)}; the model's "
                f"second best logit is {gap:.2g} below its best"
            )
    return Agreement(len(texts), same, ties, drifts, first)


def _at(ids: list[int], position: int) -> str:
    return str(ids[position]) if position < len(ids) else "nothing more"


def contract_run(contract: Any) -> Any:
    """The two functions of a `Contract` as TensorFlow graphs, for `greedy_answers`."""
    import tensorflow as tf

    functions = {
        "encode": tf.function(contract.encode, autograph=False, reduce_retracing=True),
        "decode_step": tf.function(contract.decode_step, autograph=False, reduce_retracing=True),
    }

    def run(name: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        given = {key: tf.constant(value) for key, value in inputs.items()}
        return {key: value.numpy() for key, value in functions[name](**given).items()}

    return run


def verify(
    translator: Any,
    new: Path,
    runtimes: dict[str, Callable[..., Any]],
    texts: Sequence[str],
    sources: Sequence[Sequence[int]],
    *,
    quantize: str = "none",
    lengths: Sequence[int] = (),
) -> dict[str, Any]:
    """Compare the greedy translations of an artifact with the model's, and save them as examples.

    Args:
        translator: The translator that was exported.
        new: The folder of the artifact.
        runtimes: Functions that run the artifact, by name, as for `greedy_answers`.
        texts: The texts to translate.
        sources: Their ids, see `sample_sources`.
        quantize: Type of the weights; with "int8", translations may differ.
        lengths: As for `greedy_answers`.

    Returns:
        Entries for the manifest.

    Raises:
        ValueError: A translation differs by more than the tolerance.
    """
    model = translator.model
    contract = Contract(model, weights=model.decoder.step_weights())
    own = contract_run(contract)
    expected = greedy_answers(own, sources)
    parity, found = {}, expected
    for name, run in runtimes.items():
        found = greedy_answers(run, sources, lengths)

        def difference(index: int, run: Any = run) -> float:
            return step_difference(own, run, sources[index], lengths)

        agreement = compare(expected, found, texts, TOLERANCES[quantize], difference)
        if quantize != "int8" and agreement.first_difference is not None:
            raise ValueError(
                f"The export and the model must agree, in the {name}. "
                f"Received: {agreement.first_difference}"
            )
        parity[name] = agreement.to_dict()
    write_golden_vectors(new / GOLDEN, translator, texts, sources, found)
    return {"parity": parity, "golden": GOLDEN}


def step_milliseconds(run: Any, room: int, steps: int = 200) -> float:
    """The median time of a `decode_step`, in milliseconds.

    Args:
        run: As for `greedy_answers`.
        room: Source length in tokens.
        steps: Number of steps to measure.
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

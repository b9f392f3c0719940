"""The searches of the page and of Java find what Python's finds, in models that are tables."""

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras_s2s import Beam, Constraints
from keras_s2s.export.numpy_search import beam_search
from keras_s2s.special_ids import START_ID, UNK_ID

from .conftest import node, run_program

COUNT = 2_000


NO_RULES = {**asdict(Constraints()), "prefix": []}


def make_rules(random: np.random.Generator, size: int) -> dict[str, Any]:
    """Constraints that often leave little or nothing to choose, and prefixes."""

    def ids(least: int, most: int) -> list[int]:
        return random.integers(4, size, size=random.integers(least, most)).tolist()

    starts = [[], [START_ID]]
    return {
        "minimum_length": int(random.integers(0, 7)),
        "no_repeat_ngram_size": int(random.integers(0, 4)),
        "repetition_penalty": float(random.choice([1.0, 1.4])),
        "forbidden": [starts[random.integers(2)] + ids(1, 4) for _ in range(random.integers(5))],
        "boundaries": ids(0, 3),
        "prefix": [UNK_ID] * int(random.integers(2)) + ids(0, 3) if random.random() < 0.5 else [],
    }


def make_cases() -> list[dict[str, Any]]:
    """Small vocabularies, in which answers end often, in the middle of a beam too."""
    random = np.random.default_rng(1)
    cases = []
    for number in range(COUNT):
        size, source = int(random.integers(5, 12)), int(random.integers(1, 6))
        logits = random.normal(scale=2.0, size=(size, size)).astype("float32")
        attention = random.dirichlet(np.ones(source), size).astype("float32")
        beam = int(random.integers(1, 7))
        cases.append(
            {
                "logits": logits.tolist(),
                "attention": attention.tolist(),
                "limit": int(random.integers(4, 13)),
                "beam": beam,
                "length_penalty": float(random.choice([0.0, 0.6, 1.0, 2.0])),
                "coverage_penalty": float(random.choice([0.0, 0.4])),
                **(make_rules(random, size) if number % 2 else NO_RULES),
            }
        )
    return cases


CASES = make_cases()


@pytest.fixture(scope="module")
def expected() -> list[Any]:
    found = []
    for case in CASES:
        logits = np.array(case["logits"], "float32")
        attention = np.array(case["attention"], "float32")

        def step(
            tokens: np.ndarray, states: np.ndarray, logits: Any = logits, attention: Any = attention
        ) -> Any:
            return logits[tokens], states, attention[tokens]

        constraints = Constraints(*(case[field.name] for field in fields(Constraints)))
        numbers = case["beam"], case["length_penalty"], case["coverage_penalty"]
        (best,) = beam_search(
            step,
            np.zeros(1, "float32"),
            case["limit"],
            Beam(*numbers, constraints),
            prefix=case["prefix"],
        )
        found.append(best)
    return found


def transitions(ids: list[int]) -> list[tuple[int, int]]:
    return sorted(zip([START_ID, *ids], ids, strict=False))


def check(found: list[dict[str, Any]], expected: list[Any]) -> None:
    assert len(found) == COUNT
    for number, (one, best) in enumerate(zip(found, expected, strict=True)):
        if number % 2 == 0:
            assert one["ids"] == best.ids, number
        # Orders of the same transitions are equally likely in a table, up to the last bit; the
        # beam may lose either where n-grams are forbidden.
        assert transitions(one["ids"]) == transitions(best.ids), number
        assert one["score"] == pytest.approx(best.score, abs=1e-5)


def test_the_page_searches_as_python_does(expected: list[Any]) -> None:
    check(run_program(node("search"), CASES), expected)


def test_java_searches_as_python_does(java_classes: Path, expected: list[Any]) -> None:
    check(run_program(["java", "-cp", str(java_classes), "kerass2s.SearchTables"], CASES), expected)

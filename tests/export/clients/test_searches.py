"""The searches of the page and of Java find what Python's finds, in models that are tables."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras_s2s import Beam
from keras_s2s.export.numpy_search import beam_search

from .conftest import node, run_program

COUNT = 2_000


def make_cases() -> list[dict[str, Any]]:
    """Small vocabularies, in which answers end often, in the middle of a beam too."""
    random = np.random.default_rng(1)
    cases = []
    for _ in range(COUNT):
        size, source = int(random.integers(5, 12)), int(random.integers(1, 6))
        logits = random.normal(scale=2.0, size=(size, size)).astype("float32")
        attention = random.dirichlet(np.ones(source), size).astype("float32")
        beam = int(random.integers(1, 7))
        cases.append(
            {
                "logits": logits.tolist(),
                "attention": attention.tolist(),
                "limit": int(random.integers(1, 13)),
                "beam": beam,
                "length_penalty": float(random.choice([0.0, 0.6, 1.0, 2.0])),
                "coverage_penalty": float(random.choice([0.0, 0.4])),
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

        (best,) = beam_search(
            step,
            np.zeros(1, "float32"),
            case["limit"],
            Beam(case["beam"], case["length_penalty"], case["coverage_penalty"]),
        )
        found.append(best)
    return found


def check(found: list[dict[str, Any]], expected: list[Any]) -> None:
    assert len(found) == COUNT
    for number, (one, best) in enumerate(zip(found, expected, strict=True)):
        assert one["ids"] == best.ids, number
        assert one["score"] == pytest.approx(best.score, abs=1e-5)


def test_the_page_searches_as_python_does(expected: list[Any]) -> None:
    check(run_program(node("search"), CASES), expected)


def test_java_searches_as_python_does(java_classes: Path, expected: list[Any]) -> None:
    check(run_program(["java", "-cp", str(java_classes), "kerass2s.SearchTables"], CASES), expected)

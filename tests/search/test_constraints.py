"""Constraints and forced prefixes in the searches: against exhaustion, and against plain rules."""

import importlib.util
import itertools
import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from keras_s2s.search.beam import beam_search
from keras_s2s.search.constraints import Constraints
from keras_s2s.search.greedy import greedy_search
from keras_s2s.search.inputs import SearchResult
from keras_s2s.search.sample import sample_search
from keras_s2s.search.sample_strategy import Sample
from keras_s2s.search.strategies import Beam, Greedy

from ..budget import examples

PAD, UNK, START, END = range(4)
SIZE = 6
RANDOM = np.random.default_rng(4)
LOGITS = RANDOM.normal(scale=1.5, size=(5, SIZE, SIZE)).astype("float32")  # [row, last, next]


def table_step(token: Any, state: Any, *_: Any) -> Any:
    """Logits of the row's own table, by the last token."""
    flat = ops.reshape(ops.array(LOGITS), (-1, SIZE))
    return ops.take(flat, state * SIZE + token, axis=0), state, None


def own_log_probabilities(row: int, last: int) -> np.ndarray:
    logits = LOGITS[row, last].astype("float64")
    return logits - np.log(np.exp(logits).sum())


def penalized(row: int, ids: list[int], penalty: float, forced: int = 0) -> float:
    """The sum of the log-probabilities, those of repeated tokens multiplied by the penalty."""
    total = 0.0
    for place, token in enumerate(ids):
        value = own_log_probabilities(row, [START, *ids][place])[token]
        total += penalty * value if token in ids[:place] and place >= forced else value
    return total


def is_allowed(ids: list[int], constraints: Constraints, prefix: list[int]) -> bool:
    """Whether a hypothesis keeps the rules, told without looking at how it was found."""
    if ids[: len(prefix)] != prefix or len(ids) < constraints.minimum_length:
        return False
    size = constraints.no_repeat_ngram_size
    for end in range(len(prefix) + 1, len(ids) + 1):
        beginning = ids[:end]
        if size:
            ngrams = [tuple(beginning[i : i + size]) for i in range(end - size + 1)]
            if end >= size and ngrams[-1] in ngrams[:-1]:
                return False
        for sequence in constraints.forbidden:
            known = [START, *beginning]
            last = known[-len(sequence) :]
            if sequence[0] == START and last[0] in constraints.boundaries and len(last) > 1:
                last = [START, *last[1:]]
            if last == list(sequence):
                return False
    return True


def found(result: SearchResult, row: int) -> list[list[int]]:
    lengths = np.asarray(result.lengths)[row]
    rows = zip(np.asarray(result.ids)[row].tolist(), lengths, strict=True)
    return [ids[:length] for ids, length in rows if length]


ALL = [
    (Constraints(minimum_length=3), []),
    (Constraints(no_repeat_ngram_size=1), []),
    (Constraints(no_repeat_ngram_size=2), [4, 5, 4]),
    (Constraints(repetition_penalty=1.7), [5]),
    (Constraints(forbidden=((4,), (5, 1), (1, 5, 5))), []),
    (Constraints(forbidden=((START, 4), (START, 5, 5)), boundaries=(1,)), []),
    (Constraints(2, 3, 1.2, ((1, 4), (5, 5, 4)), ()), [4]),
    (Constraints(), [5, UNK, 5, 5]),
    (Constraints(4, 1, 1.0, ((5,), (4,)), ()), [5, 5]),
]


@pytest.mark.parametrize(("constraints", "prefix"), ALL)
def test_a_beam_as_wide_as_the_tree_finds_the_best_of_all_that_is_allowed(
    constraints: Constraints, prefix: list[int]
) -> None:
    limit, row, n_best = 6, 0, 12
    found_here = beam_search(
        table_step,
        ops.array([row]),
        1,
        Beam(3**limit, 0.7, constraints=constraints),
        n_best=n_best,
        maximum_length=limit,
        prefix_ids=[prefix] if prefix else None,
        patience=np.inf,
    )
    words = itertools.chain.from_iterable(
        itertools.product([UNK, 4, 5], repeat=length) for length in range(limit)
    )
    whole = [[*word, END] for word in words]
    allowed = [ids for ids in whole if is_allowed(ids, constraints, prefix)]
    if not allowed:  # The end mark follows where nothing else may.
        assert found(found_here, 0) == [[*prefix, UNK, END]]
        return
    scores = {
        tuple(ids): penalized(row, ids, constraints.repetition_penalty, len(prefix))
        / ((5 + len(ids)) / 6) ** 0.7
        for ids in allowed
    }
    best = sorted(scores.values(), reverse=True)[:n_best]
    here = [tuple(ids) for ids in found(found_here, 0)]
    assert len(set(here)) == len(here) == len(best)
    # Orders of the same transitions are equally likely, so scores are compared, not places.
    np.testing.assert_allclose([scores[ids] for ids in here], best, rtol=1e-5)
    np.testing.assert_allclose(np.asarray(found_here.scores)[0, : len(best)], best, rtol=1e-5)


def run(search: Any, rows: Any, size: Any, **arguments: Any) -> SearchResult:
    if isinstance(search, Greedy):
        return greedy_search(table_step, rows, size, search, **arguments)
    if isinstance(search, Sample):
        return sample_search(table_step, rows, size, search, **arguments)
    return beam_search(table_step, rows, size, search, n_best=min(2, search.beam_size), **arguments)


CONSTRAINTS = Constraints(4, 2, 1.3, ((4, 5), (START, 1)), (5,))
SEARCHES = [
    Greedy(CONSTRAINTS),
    Beam(3, constraints=CONSTRAINTS),
    Sample(2.0, top_p=0.9, seed=1, constraints=CONSTRAINTS),
]
IN_GRAPH = [
    tf.function(
        lambda rows, limits, prefix, ids, search=search: run(
            search,
            rows,
            ops.shape(rows)[0],
            maximum_length=limits,
            prefix_ids=prefix,
            constants=(),
            **({"row_ids": ids} if isinstance(search, Sample) else {}),
        ),
        input_signature=[
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([None, None], tf.int32),
            tf.TensorSpec([None], tf.int32),
        ],
    )
    for search in SEARCHES
]


@pytest.mark.parametrize("place", range(3), ids=["greedy", "beam", "sample"])
@examples(6, derandomize=True)
@given(data=st.data())
def test_rows_keep_the_rules_and_do_not_depend_on_the_others(place: int, data: Any) -> None:
    """The loop drops rows that have ended, so this holds for it too."""
    count = data.draw(st.integers(1, 4))
    prefixes = data.draw(
        st.lists(st.lists(st.sampled_from([1, 4, 5]), max_size=4), min_size=count, max_size=count)
    )
    limits = [data.draw(st.integers(len(prefix) + 1, 9)) for prefix in prefixes]
    padded = np.zeros((count, 4), "int32")
    for row, prefix in enumerate(prefixes):
        padded[row, : len(prefix)] = prefix
    rows, ids = np.arange(count) % 5, np.arange(count)
    batch = [np.array(one, "int32") for one in (rows, limits, padded, ids)]
    together = IN_GRAPH[place](*batch)
    for row in range(count):
        alone = IN_GRAPH[place](*[one[row : row + 1] for one in batch])
        here = found(together, row)
        assert here == found(alone, 0)
        width = alone.scores.shape[1]
        of_both = alone.log_probabilities[0], together.log_probabilities[row]
        np.testing.assert_allclose(*of_both, rtol=1e-5)
        assert len({tuple(one) for one in here}) == len(here) >= 1
        for place_in_row, one in enumerate(here[:width]):
            is_cut = one[-1] != END
            rules = replace(CONSTRAINTS, minimum_length=0)  # The end is looked at below.
            assert is_allowed(one, rules, prefixes[row])
            expected = penalized(row % 5, one, 1.3, len(prefixes[row]))
            np.testing.assert_allclose(
                together.log_probabilities[row, place_in_row], expected, rtol=1e-4
            )
            if not is_cut and len(one) < 4:  # Only where nothing else was allowed.
                others = ([*one[:-1], token] for token in (1, 4, 5))
                assert not any(is_allowed(other, rules, prefixes[row]) for other in others)


@pytest.mark.parametrize("search", SEARCHES, ids=["greedy", "beam", "sample"])
def test_a_compiled_graph_finds_the_same(search: Any) -> None:
    prefix = np.array([[4, 0, 0], [5, 4, 1]], "int32")

    def find(limits: Any) -> SearchResult:
        rows = ops.array([1, 2])
        return run(search, rows, 2, maximum_length=limits, prefix_ids=prefix, capacity=9)

    limits = tf.constant([9, 6])
    compiled = tf.function(find, jit_compile=True)(limits)
    for ours, theirs in zip(compiled, find(limits), strict=True):
        if theirs is not None:
            np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=1e-5)


@pytest.mark.parametrize("search", [Greedy(), Beam(2), Sample()], ids=["greedy", "beam", "sample"])
def test_without_constraints_nothing_is_computed_for_them(
    search: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def constrained(*_: Any) -> None:
        raise AssertionError("computed")

    for module in ("constrain", "sample"):
        monkeypatch.setattr(f"keras_s2s.search.{module}.constrained", constrained)
    arguments = {"maximum_length": 3, "prefix_ids": np.zeros((1, 0), "int32")}
    assert found(run(search, ops.array([0]), 1, **arguments), 0)
    with pytest.raises(AssertionError, match="computed"):
        run(search, ops.array([0]), 1, **{**arguments, "prefix_ids": [[4]]})


def test_a_repetition_penalty_is_that_of_every_repeated_token() -> None:
    result = greedy_search(
        table_step, ops.array([3]), 1, Greedy(Constraints(repetition_penalty=2.5)), maximum_length=8
    )
    (ids,) = found(result, 0)
    for place, token in enumerate(ids):
        values = own_log_probabilities(3, [START, *ids][place])
        values[sorted(set(ids[:place]))] *= 2.5
        values[[PAD, START]] = -np.inf
        assert token == values.argmax()


@pytest.mark.parametrize(
    ("prefix", "message"),
    [
        ([[4, 4, 4], [5, 0, 0]], "A prefix must be shorter .* 3 tokens in row 0, limit=3"),
        ([[0, 4], [5, 0]], "tokens, then padding"),
        ([[4, END], [5, 0]], "no start or end mark"),
        ([[4, 5]], r"one row of tokens for each sentence, \[B, P\]. Received: shape=\(1, 2\)"),
        ([4, 5], r"shape=\(2,\)"),
    ],
)
def test_what_a_prefix_cannot_be_is_told(prefix: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run(Greedy(), ops.array([0, 1]), 2, maximum_length=3, prefix_ids=prefix)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"minimum_length": -1}, "`minimum_length` must be at least 0"),
        ({"minimum_length": 1.5}, "`minimum_length` must be a whole number"),
        ({"no_repeat_ngram_size": 101}, "`no_repeat_ngram_size` must be at most 100"),
        ({"repetition_penalty": 0.9}, "`repetition_penalty` must be at least 1"),
        ({"repetition_penalty": float("nan")}, "`repetition_penalty` must be a number below 1e.30"),
        ({"forbidden": ((),)}, "1 to 100 tokens. Received: lengths from 0 to 0"),
        ({"forbidden": ((4,) * 101,)}, "lengths from 101 to 101"),
        ({"forbidden": ((4,), (5, -4))}, r"`forbidden\[1\]\[1\]` must be at least 0"),
        ({"boundaries": (7, 0.5)}, r"`boundaries\[1\]` must be a whole number"),
        ({"forbidden": [(n,) for n in range(10_001)]}, "at most 10,000 .* Received: 10,001"),
    ],
)
def test_what_constraints_cannot_be_is_told(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Constraints(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"forbidden": "cat"}, "`forbidden` must consist of sequences of ids"),
        ({"forbidden": 4}, "`forbidden` must consist of sequences of ids"),
        ({"forbidden": [4, 5]}, r"`forbidden\[0\]` must consist of ids. Received: .*=4"),
        ({"forbidden": [[4], "cat"]}, r"`forbidden\[1\]` must consist of ids. Received: .*='cat'"),
        ({"boundaries": 4}, "`boundaries` must consist of ids. Received: boundaries=4"),
    ],
)
def test_what_is_no_sequence_of_ids_is_told(arguments: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Constraints(**arguments)


@pytest.mark.parametrize("sequence", [(END,), (4, PAD), (4, START), (START,), (SIZE,)])
def test_a_sequence_that_no_hypothesis_can_have_is_told(sequence: Any) -> None:
    with pytest.raises(ValueError, match="tokens below 6, without padding and end mark"):
        run(Greedy(Constraints(forbidden=(sequence,))), ops.array([0]), 1, maximum_length=3)


def test_lists_are_taken_and_what_is_shown_is_what_was_given() -> None:
    constraints = Constraints(forbidden=[[4, 5]], boundaries=[7])  # pyright: ignore[reportArgumentType]
    assert constraints == Constraints(forbidden=((4, 5),), boundaries=(7,))
    assert hash(constraints) and repr(Constraints()) == "Constraints()"
    assert repr(constraints) == "Constraints(forbidden=((4, 5),), boundaries=(7,))"


ON_JAX = """
import json, sys
import jax, numpy as np
from keras import ops
from keras_s2s import Beam, Constraints, Greedy, Sample
from keras_s2s import beam_search, greedy_search, sample_search

table = ops.array(json.loads(sys.argv[1]), "float32")
size = table.shape[-1]
flat = ops.reshape(table, (-1, size))
def step(token, state):
    return ops.take(flat, state * size + token, axis=0), state, None
some = Constraints(4, 2, 1.3, ((4, 5), (2, 1)), (5,))
def find(limits, prefix):
    start, common = (step, ops.array([1, 2]), 2), {"maximum_length": limits, "capacity": 9}
    common["prefix_ids"] = prefix
    return [
        greedy_search(*start, Greedy(some), **common),
        beam_search(*start, Beam(3, constraints=some), n_best=2, **common),
        sample_search(*start, Sample(2.0, 0, 0.9, seed=1, constraints=some), **common),
    ]
found = jax.jit(find)(np.array([9, 6]), np.array([[4, 0, 0], [5, 4, 1]]))
print(json.dumps([[np.asarray(x).tolist() for x in one[:4]] for one in found]))
"""


@pytest.mark.slow  # Another process, under JAX: 8 s.
def test_the_jax_backend_finds_the_same() -> None:
    if importlib.util.find_spec("jax") is None:
        pytest.skip("JAX is not installed")
    finished = subprocess.run(
        [sys.executable, "-c", ON_JAX, json.dumps(LOGITS.tolist())],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    prefix = [[4, 0, 0], [5, 4, 1]]
    for ours, search in zip(json.loads(finished.stdout), SEARCHES, strict=True):
        expected = run(
            search,
            ops.array([1, 2]),
            2,
            maximum_length=np.array([9, 6]),
            prefix_ids=prefix,
            capacity=9,
        )
        for field, other in zip(ours, expected, strict=False):
            np.testing.assert_allclose(field, np.asarray(other), rtol=1e-5)

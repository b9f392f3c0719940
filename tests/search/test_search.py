"""Search is checked with models that spell words, by exhaustion, and against plain Python."""

import importlib.util
import itertools
import json
import math
import os
import subprocess
import sys
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from keras_s2s.search.beam import beam_search
from keras_s2s.search.greedy import greedy_search
from keras_s2s.search.inputs import SearchResult
from keras_s2s.search.rows import repeat_rows
from keras_s2s.search.sample import sample_search
from keras_s2s.search.sample_strategy import Sample
from keras_s2s.search.strategies import Beam

from ..budget import examples

PAD, UNK, START, END = range(4)
LETTERS = "abcdefghijklmnopqrstuvwxyz"
LETTERS_SIZE = 4 + len(LETTERS)


def array(tensor: Any) -> np.ndarray:
    return ops.convert_to_numpy(tensor)


def letter_ids(word: str) -> list[int]:
    return [4 + LETTERS.index(letter) for letter in word]


def spelled(ids: Any) -> str:
    return "".join("_?^$"[i] if i < 4 else LETTERS[i - 4] for i in np.asarray(ids).tolist())


def speller(words: list[str]) -> tuple[Any, Any]:
    """A step that spells `words[row]` and the end mark, and its first state (row, position)."""
    table = np.zeros((len(words), max(map(len, words)) + 1, LETTERS_SIZE), "float32")
    for row, word in enumerate(words):
        for position, token in enumerate([*letter_ids(word), END]):
            table[row, position, token] = 9.0
    flat = ops.array(table.reshape(-1, LETTERS_SIZE))

    def step(token: Any, state: Any) -> Any:
        row, position = state
        position_in_table = ops.minimum(position, table.shape[1] - 1)
        return (
            ops.take(flat, row * table.shape[1] + position_in_table, axis=0),
            (row, position + 1),
            None,
        )

    return step, (ops.arange(len(words)), ops.zeros((len(words),), "int32"))


def follower(following: dict[str, dict[str, float]]) -> Any:
    """A step whose next letter depends on the last one: `{"^": {"a": 0.6, "b": 0.4}, ...}`."""
    ids = {
        **{mark: i for i, mark in enumerate("_?^$")},
        **{c: 4 + i for i, c in enumerate(LETTERS)},
    }
    table = np.full((LETTERS_SIZE, LETTERS_SIZE), 1e-9)
    for last, choices in following.items():
        for letter, probability in choices.items():
            table[ids[last], ids[letter]] = probability
    logits = ops.array(np.log(table / table.sum(1, keepdims=True)), "float32")
    return lambda token, state: (ops.take(logits, token, axis=0), state, None)


class FakeModel(NamedTuple):
    """A small recurrent model with random weights, once for the search and once in plain NumPy."""

    hidden: np.ndarray  # [B, 4]
    mask: np.ndarray  # [B, S]
    embedding: np.ndarray  # [V, 4]
    recurrent: np.ndarray  # [4, 4]
    output: np.ndarray  # [4, V]
    attention: np.ndarray  # [4, S]

    @classmethod
    def make(cls, seed: int, batch_size: int, vocabulary_size: int = 8) -> "FakeModel":
        random = np.random.default_rng(seed)
        source_length = 3
        lengths = random.integers(1, source_length + 1, size=(batch_size, 1))
        return cls(
            hidden=random.normal(size=(batch_size, 4)).astype("float32"),
            mask=np.arange(source_length) < lengths,
            embedding=random.normal(size=(vocabulary_size, 4)).astype("float32"),
            recurrent=random.normal(size=(4, 4)).astype("float32"),
            output=random.normal(size=(4, vocabulary_size)).astype("float32") * 1.5,
            attention=random.normal(size=(4, source_length)).astype("float32"),
        )

    def of_rows(self, rows: list[int]) -> "FakeModel":
        return self._replace(hidden=self.hidden[rows], mask=self.mask[rows])

    @property
    def batch_size(self) -> int:
        return len(self.hidden)

    def state(self) -> Any:
        return {"hidden": [ops.array(self.hidden)]}

    def step(self, beam_size: int = 1) -> Any:
        mask = repeat_rows(ops.array(self.mask), beam_size)

        def step(token: Any, state: Any) -> Any:
            embedded = ops.take(ops.array(self.embedding), token, axis=0)
            hidden = ops.tanh(embedded + ops.matmul(state["hidden"][0], ops.array(self.recurrent)))
            scores = ops.where(mask, ops.matmul(hidden, ops.array(self.attention)), -1e9)
            logits = ops.matmul(hidden, ops.array(self.output))
            return logits, {"hidden": [hidden]}, ops.softmax(scores)

        return step

    def one_step(self, row: int, token: int, hidden: np.ndarray) -> tuple[np.ndarray, ...]:
        hidden = np.tanh(self.embedding[token] + hidden @ self.recurrent)
        logits = (hidden @ self.output).astype("float64")
        weights = np.where(self.mask[row], np.exp(hidden @ self.attention), 0.0)
        return logits - np.log(np.exp(logits).sum()), hidden, weights / weights.sum()

    def replay(self, row: int, ids: list[int]) -> tuple[float, np.ndarray]:
        """The log-probability of a hypothesis and its attention weights `[T, S]`."""
        total, hidden, last, all_weights = 0.0, self.hidden[row], START, []
        for token in ids:
            log_probabilities, hidden, weights = self.one_step(row, last, hidden)
            total, last = total + log_probabilities[token], token
            all_weights.append(weights)
        return total, np.array(all_weights)

    def score(
        self, row: int, ids: list[int], length_penalty: float, coverage_penalty: float
    ) -> float:
        total, weights = self.replay(row, ids)
        covered = np.minimum(weights.sum(0)[self.mask[row]], 1.0)
        divisor = ((5 + len(ids)) / 6) ** length_penalty
        return total / divisor + coverage_penalty * np.log(covered).sum()


def hypotheses(result: SearchResult, row: int) -> list[list[int]]:
    lengths = array(result.lengths)[row]
    return [ids[:n].tolist() for ids, n in zip(array(result.ids)[row], lengths, strict=True) if n]


def plain_beam_search(
    model: FakeModel,
    row: int,
    limit: int,
    beam_size: int,
    n_best: int,
    patience: float,
    **penalties: float,
) -> list[list[int]]:
    """The beam search without early stop, one hypothesis at a time."""
    live, ended = [(0.0, [])], []
    for _ in range(limit):
        candidates = []
        for total, ids in live:
            _, hidden = model.replay(row, ids), model.hidden[row]
            for token in [START, *ids]:
                log_probabilities, hidden, _ = model.one_step(row, token, hidden)
            candidates += [
                (total + log_probabilities[token], [*ids, token])
                for token in range(len(log_probabilities))
                if token not in (PAD, START)
            ]
        candidates.sort(reverse=True)
        ended += [ids for _, ids in candidates[:beam_size] if ids[-1] == END]
        live = [candidate for candidate in candidates if candidate[1][-1] != END][:beam_size]
        ended.sort(key=lambda ids: -model.score(row, ids, **penalties))
        if len(ended) >= patience * beam_size:
            last = model.score(row, ended[n_best - 1], **penalties)
            if all(model.score(row, ids, **penalties) <= last for _, ids in live):
                break
    ended = ended or [ids for _, ids in live]
    return sorted(ended, key=lambda ids: -model.score(row, ids, **penalties))[:n_best]


def test_greedy_search_spells_the_words_of_a_model_that_knows_them() -> None:
    step, state = speller(["attention", "to", ""])
    result = greedy_search(step, state, 3, maximum_length=12)
    assert [spelled(row[0]) for row in result.ids] == [
        "attention$__",
        "to$_________",
        "$___________",
    ]
    assert array(result.lengths).tolist() == [[10], [3], [1]]


def test_beam_search_spells_the_words_of_a_model_that_knows_them() -> None:
    step, state = speller(["attention", "to", ""])
    result = beam_search(step, state, 3, Beam(4), maximum_length=12)
    assert [spelled(row[0]) for row in result.ids] == [
        "attention$__",
        "to$_________",
        "$___________",
    ]


def test_a_beam_finds_the_likely_word_behind_an_unlikely_first_letter() -> None:
    step = follower(
        {
            "^": {"a": 0.6, "b": 0.4},
            "a": {"c": 0.5, "d": 0.5},
            "b": {"e": 1},
            "c": {"$": 1},
            "d": {"$": 1},
            "e": {"$": 1},
        }
    )
    greedy = greedy_search(step, (), 1, maximum_length=4)
    beam = beam_search(step, (), 1, Beam(3, length_penalty=0.0), n_best=3, maximum_length=4)
    assert spelled(greedy.ids[0, 0]) == "ac$_"
    assert [spelled(ids) for ids in beam.ids[0]] == ["be$_", "ac$_", "ad$_"]
    np.testing.assert_allclose(np.exp(array(beam.scores)), [[0.4, 0.3, 0.3]], rtol=1e-4)


@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 2.0])
@pytest.mark.parametrize("coverage_penalty", [0.0, 0.5])
def test_a_beam_as_wide_as_the_tree_finds_what_exhaustion_finds(
    length_penalty: float, coverage_penalty: float
) -> None:
    model, limit, beam_size = FakeModel.make(3, batch_size=2, vocabulary_size=6), 4, 4**4
    letters = [UNK, 4, 5]
    result = beam_search(
        model.step(beam_size),
        model.state(),
        2,
        Beam(beam_size, length_penalty, coverage_penalty),
        n_best=10,
        maximum_length=limit,
        source_mask=model.mask,
    )
    for row in range(2):
        everything = [
            [*word, END] for n in range(limit) for word in itertools.product(letters, repeat=n)
        ]
        scores = {
            tuple(ids): model.score(row, ids, length_penalty, coverage_penalty)
            for ids in everything
        }
        best = sorted(scores, key=lambda ids: -scores[ids])[:10]
        assert hypotheses(result, row) == [list(ids) for ids in best]
        np.testing.assert_allclose(result.scores[row], [scores[ids] for ids in best], rtol=1e-4)


@pytest.mark.parametrize("patience", [1.0, math.inf])
@pytest.mark.parametrize(
    ("beam_size", "n_best", "length_penalty", "coverage_penalty"),
    [(2, 1, 0.0, 0.0), (3, 2, 0.6, 0.0), (4, 4, 1.0, 0.3), (5, 1, 2.0, 0.0), (3, 1, 0.0, 1.0)],
)
def test_stopping_early_changes_no_result(
    beam_size: int, n_best: int, length_penalty: float, coverage_penalty: float, patience: float
) -> None:
    limits = np.array([9, 3, 1, 7, 9, 9])
    model = FakeModel.make(beam_size, batch_size=len(limits))
    result = beam_search(
        model.step(beam_size),
        model.state(),
        model.batch_size,
        Beam(beam_size, length_penalty, coverage_penalty),
        n_best=n_best,
        maximum_length=limits,
        patience=patience,
        source_mask=model.mask,
    )
    for row, limit in enumerate(limits):
        assert hypotheses(result, row) == plain_beam_search(
            model,
            row,
            limit,
            beam_size,
            n_best,
            patience,
            length_penalty=length_penalty,
            coverage_penalty=coverage_penalty,
        )


def test_the_search_stops_as_soon_as_no_beam_can_win() -> None:
    # "a" ends with 0.9; whatever goes on has at most 0.1 and, even at the limit, a worse score.
    step = follower({"^": {"a": 1}, "a": {"$": 0.9, "b": 0.1}, "b": {"b": 1}})
    calls = []

    def counting_step(token: Any, state: Any) -> Any:
        calls.append(token)
        return step(token, state)

    result = beam_search(counting_step, (), 1, Beam(2), maximum_length=50, patience=math.inf)
    assert spelled(result.ids[0, 0]).startswith("a$_")
    assert len(calls) == 2


def test_a_looser_patience_finds_the_better_hypothesis_that_ends_later() -> None:
    step = follower({"^": {"$": 0.55, "a": 0.45}, "a": {"a": 0.999, "$": 0.001}})
    step_of_two = follower(
        {"^": {"$": 0.55, "a": 0.45}, "a": {"b": 1}, "b": {"c": 1}, "c": {"$": 1}}
    )

    def found(step: Any, patience: float) -> str:
        result = beam_search(step, (), 1, Beam(1), maximum_length=5, patience=patience)
        return spelled(result.ids[0, 0])

    assert found(step_of_two, 1) == "$____"
    assert found(step_of_two, 2) == "abc$_"
    assert found(step, 2) == "$____"


@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 3.0])
def test_a_beam_of_one_is_the_greedy_search(length_penalty: float) -> None:
    model = FakeModel.make(11, batch_size=40)
    greedy = greedy_search(model.step(), model.state(), 40, maximum_length=8)
    beam = beam_search(
        model.step(),
        model.state(),
        40,
        Beam(1, length_penalty),
        maximum_length=8,
    )
    assert len(set(array(greedy.lengths).ravel())) > 3
    np.testing.assert_array_equal(beam.ids, greedy.ids)
    np.testing.assert_allclose(beam.log_probabilities, greedy.log_probabilities, rtol=1e-5)


def test_n_best_hypotheses_are_sorted_and_distinct() -> None:
    model = FakeModel.make(5, batch_size=10)
    result = beam_search(
        model.step(6),
        model.state(),
        10,
        Beam(6),
        n_best=6,
        maximum_length=10,
        patience=math.inf,
    )
    scores = array(result.scores)
    assert (np.diff(scores, axis=1) <= 0).all()
    for row in range(10):
        found = [tuple(ids) for ids in hypotheses(result, row)]
        assert len(found) == 6 == len(set(found))


def test_cut_off_hypotheses_count_only_where_none_has_ended() -> None:
    step = follower({"^": {"a": 0.7, "b": 0.3}, "a": {"a": 1}, "b": {"$": 1}})
    cut_off = beam_search(step, (), 1, Beam(2), n_best=2, maximum_length=1)
    assert [spelled(ids) for ids in cut_off.ids[0]] == ["a", "b"]
    assert array(cut_off.lengths).tolist() == [[1, 1]]
    ended = beam_search(step, (), 1, Beam(2), n_best=2, maximum_length=3)
    assert [spelled(ids) for ids in ended.ids[0]] == ["b$_", "___"]
    assert array(ended.lengths).tolist() == [[2, 0]]
    assert array(ended.scores)[0, 1] == -math.inf == array(ended.log_probabilities)[0, 1]


@pytest.mark.parametrize("search", ["greedy", "beam", "sample"])
def test_each_row_keeps_its_own_limit(search: str) -> None:
    step, state = speller(["attention"] * 4)
    limits = np.array([0, 3, 10, 12])
    result = run(search, step, state, 4, maximum_length=limits)
    assert [spelled(row[0]) for row in result.ids] == [
        "____________",
        "att_________",
        "attention$__",
        "attention$__",
    ]
    assert array(result.lengths).tolist() == [[0], [3], [10], [10]]
    assert array(result.scores)[0, 0] == -math.inf


@pytest.mark.parametrize("search", ["greedy", "beam", "sample"])
def test_room_cuts_limits_and_pads_results(search: str) -> None:
    step, state = speller(["attention"])
    tight = run(search, step, state, 1, maximum_length=12, capacity=4)
    wide = run(search, step, state, 1, maximum_length=np.array([4]), capacity=6)
    assert spelled(tight.ids[0, 0]) == "atte"
    assert spelled(wide.ids[0, 0]) == "atte__"


def run(search: str, step: Any, state: Any, batch_size: Any, **arguments: Any) -> SearchResult:
    if search == "greedy":
        return greedy_search(step, state, batch_size, **arguments)
    if search == "sample":
        return sample_search(step, state, batch_size, Sample(top_k=1, seed=1), **arguments)
    return beam_search(step, state, batch_size, Beam(1), **arguments)


@cache
def traced(search: str) -> Any:
    """A search over one model, traced once for any batch: (hidden, mask, limits, row ids)."""
    model = FakeModel.make(17, batch_size=1)

    def find(hidden: Any, mask: Any, limits: Any, row_ids: Any) -> SearchResult:
        some = model._replace(hidden=hidden, mask=mask)
        arguments = {"maximum_length": limits, "source_mask": mask, "return_weights": True}
        state, size = {"hidden": [hidden]}, ops.shape(hidden)[0]
        if search == "greedy":
            return greedy_search(some.step(), state, size, **arguments)
        if search == "sample":
            return sample_search(
                some.step(), state, size, Sample(seed=1), row_ids=row_ids, **arguments
            )
        return beam_search(
            some.step(3), state, size, Beam(3, coverage_penalty=0.2), n_best=2, **arguments
        )

    return tf.function(
        find,
        input_signature=[
            tf.TensorSpec((None, 4), tf.float32),
            tf.TensorSpec((None, None), tf.bool),
            tf.TensorSpec((None,), tf.int32),
            tf.TensorSpec((None,), tf.int32),
        ],
    )


@pytest.mark.parametrize("search", ["greedy", "beam", "sample"])
@examples(20, derandomize=True)
@given(data=st.data())
def test_a_row_alone_finds_what_it_finds_in_any_batch(search: str, data: Any) -> None:
    model = FakeModel.make(data.draw(st.integers(0, 999)), batch_size=6)
    rows = data.draw(st.lists(st.integers(0, 5), min_size=2, max_size=6))
    limits = np.array(data.draw(st.lists(st.integers(1, 9), min_size=6, max_size=6)))

    def find(rows: list[int]) -> SearchResult:
        return traced(search)(model.hidden[rows], model.mask[rows], limits[rows], np.array(rows))

    together = find(rows)
    for place, row in enumerate(rows):
        alone = find([row])
        assert hypotheses(alone, 0) == hypotheses(together, place)
        np.testing.assert_allclose(alone.scores[0], together.scores[place], rtol=1e-4)
        room = min(alone.ids.shape[2], together.ids.shape[2])
        weights = array(alone.weights)[0, :, :room]
        np.testing.assert_allclose(weights, array(together.weights)[place, :, :room], atol=1e-5)


@pytest.mark.parametrize("search", ["greedy", "beam", "sample"])
def test_log_probabilities_and_weights_are_those_of_the_hypothesis(search: str) -> None:
    model = FakeModel.make(21, batch_size=5)
    arguments = {"maximum_length": 7, "source_mask": model.mask, "return_weights": True}
    if search == "beam":
        result = beam_search(model.step(4), model.state(), 5, Beam(4), n_best=3, **arguments)
    elif search == "greedy":
        result = greedy_search(model.step(), model.state(), 5, **arguments)
    else:
        result = sample_search(model.step(), model.state(), 5, Sample(2.0, seed=8), **arguments)
    assert array(result.weights).shape == (*result.ids.shape, 3)
    for row in range(5):
        for place, ids in enumerate(hypotheses(result, row)):
            log_probability, weights = model.replay(row, ids)
            found = array(result.weights)[row, place]
            np.testing.assert_allclose(
                result.log_probabilities[row, place], log_probability, rtol=1e-4
            )
            np.testing.assert_allclose(found[: len(ids)], weights, atol=1e-5)
            assert not found[len(ids) :].any()


def test_results_have_the_documented_shapes_and_types() -> None:
    model = FakeModel.make(1, batch_size=2)
    result = beam_search(model.step(3), model.state(), 2, Beam(3), n_best=2, maximum_length=5)
    assert result.ids.shape == (2, 2, 5) and result.ids.dtype == "int32"
    assert result.scores.shape == (2, 2) and result.scores.dtype == "float32"
    assert result.log_probabilities.shape == (2, 2) and result.log_probabilities.dtype == "float32"
    assert result.lengths.shape == (2, 2) and result.lengths.dtype == "int32"
    assert result.weights is None


def test_a_position_without_attention_gives_a_finite_coverage_penalty() -> None:
    step, state = speller(["to"])
    weights = ops.array([[1.0, 0.0]])
    result = beam_search(
        lambda token, state: (*step(token, state)[:2], repeat_rows(weights, 2)),
        state,
        1,
        Beam(2, length_penalty=0.6, coverage_penalty=1.0),
        maximum_length=4,
        source_mask=np.array([[True, True]]),
    )
    assert spelled(result.ids[0, 0]) == "to$_"
    np.testing.assert_allclose(
        result.scores[0, 0],
        result.log_probabilities[0, 0] / (8 / 6) ** 0.6 + math.log(1e-10),
        rtol=1e-4,
    )


@pytest.mark.parametrize("search", ["greedy", "beam", "sample"])
def test_padding_start_and_forbidden_tokens_are_never_chosen(search: str) -> None:
    step = follower({"^": {"_": 0.4, "^": 0.3, "x": 0.2, "a": 0.1}, "a": {"$": 1}, "x": {"$": 1}})
    arguments = {"maximum_length": 3, "forbidden_ids": letter_ids("x")}
    result = run(search, step, (), 1, **arguments)
    assert spelled(result.ids[0, 0]) == "a$_"
    # They keep their share: the model's own log-probability, not one of the allowed tokens alone.
    np.testing.assert_allclose(np.exp(array(result.log_probabilities)), [[0.1]], rtol=1e-4)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_logits_of_half_precision_are_summed_in_float32(dtype: str) -> None:
    model = FakeModel.make(2, batch_size=3)
    exact = model.step(2)

    def half(token: Any, state: Any) -> Any:
        logits, state, weights = exact(token, state)
        return ops.cast(logits, dtype), state, ops.cast(weights, dtype)

    def rounded(token: Any, state: Any) -> Any:
        logits, state, weights = half(token, state)
        return ops.cast(logits, "float32"), state, ops.cast(weights, "float32")

    results = [
        beam_search(
            step,
            model.state(),
            3,
            Beam(2, coverage_penalty=0.1),
            maximum_length=9,
            source_mask=model.mask,
            return_weights=True,
        )
        for step in (half, rounded)
    ]
    assert results[0].scores.dtype == "float32"
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_samples_come_as_often_as_the_distribution_says() -> None:
    probabilities = {"a": 0.5, "b": 0.3, "c": 0.15, "$": 0.05}
    result = sample_search(
        follower({"^": probabilities}), (), 4000, Sample(seed=5), maximum_length=1
    )
    counts = count_letters(result)
    expected = {letter: 4000 * share for letter, share in probabilities.items()}
    chi_square = sum((counts[c] - expected[c]) ** 2 / expected[c] for c in expected)
    assert sum(counts.values()) == 4000
    assert chi_square < 11.3  # Three degrees of freedom: one seed in a hundred is beyond.


def count_letters(result: SearchResult) -> dict[str, int]:
    ids, counts = np.unique(array(result.ids)[:, 0, 0], return_counts=True)
    return {spelled([i]): count for i, count in zip(ids, counts.tolist(), strict=True)}


@pytest.mark.parametrize(
    ("arguments", "letters"),
    [
        ({}, "$abc"),
        ({"top_k": 2}, "ab"),
        ({"top_p": 0.45}, "a"),
        ({"top_p": 0.55}, "ab"),
        ({"top_p": 0.9}, "abc"),
        ({"top_k": 2, "top_p": 0.6}, "a"),  # Of these two, "a" alone has 0.625.
        ({"top_k": 1}, "a"),
        ({"temperature": 0.01}, "a"),
        ({"temperature": 1e-30}, "a"),
    ],
)
def test_cuts_leave_the_smallest_set_of_likely_tokens(arguments: Any, letters: str) -> None:
    step = follower({"^": {"a": 0.5, "b": 0.3, "c": 0.15, "$": 0.05}})
    result = sample_search(step, (), 500, Sample(**arguments, seed=1), maximum_length=1)
    assert "".join(sorted(count_letters(result))) == letters


def test_cut_samples_keep_their_proportions() -> None:
    step = follower({"^": {"a": 0.5, "b": 0.25, "c": 0.25}})
    counts = count_letters(
        sample_search(step, (), 3000, Sample(top_p=0.7, seed=2), maximum_length=1)
    )
    assert counts["a"] / 3000 == pytest.approx(2 / 3, abs=0.03)


@pytest.mark.parametrize("arguments", [{"top_k": 1}, {"temperature": 1e-6}])
def test_sampling_without_freedom_is_the_greedy_search(arguments: Any) -> None:
    model = FakeModel.make(13, batch_size=20)
    greedy = greedy_search(model.step(), model.state(), 20, maximum_length=8)
    sampled = sample_search(
        model.step(), model.state(), 20, Sample(**arguments, seed=3), maximum_length=8
    )
    np.testing.assert_array_equal(sampled.ids, greedy.ids)
    np.testing.assert_allclose(sampled.log_probabilities, greedy.log_probabilities, rtol=1e-5)


def test_samples_follow_seed_and_row_id_alone() -> None:
    step = follower({letter: {c: 0.25 for c in "abcd"} for letter in "^abcd"})

    def words(seed: Any, row_ids: list[int]) -> list[str]:
        rows = len(row_ids)
        result = sample_search(
            step, (), rows, Sample(seed=seed), row_ids=np.array(row_ids), maximum_length=9
        )
        return [spelled(row[0]) for row in result.ids]

    first = words(7, [0, 1, 2, 3])
    assert len(set(first)) == 4
    assert words(7, [2, 9, 1]) == [first[2], words(7, [9])[0], first[1]]
    assert words(tf.constant(7), [0, 1, 2, 3]) == first
    assert not set(words(8, [0, 1, 2, 3])) & set(first)


@pytest.mark.parametrize("search", ["greedy", "beam", "sample"])
def test_a_graph_with_unknown_batch_and_limits_finds_the_same(search: str) -> None:
    model = FakeModel.make(18, batch_size=4)
    limits = np.array([6, 3, 8, 5], "int32")
    in_graph = traced(search)(model.hidden, model.mask, limits, np.arange(4, dtype="int32"))
    eager = traced(search).python_function(
        *map(tf.constant, (model.hidden, model.mask, limits, np.arange(4, dtype="int32")))
    )
    assert in_graph.ids.shape[2] == 8
    for ours, theirs in zip(in_graph, eager, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("search", ["beam", "sample"])
def test_a_compiled_graph_finds_the_same(search: str) -> None:
    model = FakeModel.make(19, batch_size=3)

    def find(limits: Any) -> SearchResult:
        arguments = {"maximum_length": limits, "capacity": 8}
        if search == "sample":
            return sample_search(
                model.step(), model.state(), 3, Sample(top_p=0.9, seed=1), **arguments
            )
        return beam_search(
            model.step(3),
            model.state(),
            3,
            Beam(3, coverage_penalty=0.1),
            n_best=2,
            source_mask=model.mask,
            return_weights=True,
            **arguments,
        )

    limits = tf.constant([8, 3, 6])
    compiled = tf.function(find, jit_compile=True)(limits)
    for ours, theirs in zip(compiled, find(limits), strict=True):
        if theirs is not None:
            np.testing.assert_allclose(array(ours), array(theirs), rtol=1e-4, atol=1e-6)


def test_there_is_one_loop_in_the_graph() -> None:
    model = FakeModel.make(1, batch_size=2)

    def loops(function: Any) -> int:
        graph = tf.function(function).get_concrete_function().graph
        return sum(node.type in ("While", "StatelessWhile") for node in graph.get_operations())

    step, state = model.step(2), model.state
    assert loops(lambda: greedy_search(model.step(), state(), 2, maximum_length=5)) == 1
    assert (
        loops(lambda: sample_search(model.step(), state(), 2, Sample(seed=1), maximum_length=5))
        == 1
    )
    assert loops(lambda: beam_search(step, state(), 2, Beam(2), maximum_length=5)) == 1


ON_JAX = """
import json, sys
import jax, numpy as np
from keras import ops
from keras_s2s.search.beam import beam_search
from keras_s2s.search.greedy import greedy_search
from keras_s2s.search.sample import sample_search
from keras_s2s.search.sample_strategy import Sample
from keras_s2s.search.strategies import Beam

table = ops.array(json.loads(sys.argv[1]), "float32")
def step(token, state):
    weights = ops.softmax(ops.take(table, token, axis=0)[:, :3])
    return ops.take(table, token, axis=0), {"steps": state["steps"] + 1}, weights
def find(limits):
    state, mask = {"steps": ops.zeros((3, 1))}, ops.ones((3, 3), "bool")
    common = {"maximum_length": limits, "capacity": 9, "source_mask": mask, "return_weights": True}
    return [
        greedy_search(step, state, 3, **common),
        sample_search(step, state, 3, Sample(top_k=5, top_p=0.9, seed=3), **common),
        beam_search(step, state, 3, Beam(3, coverage_penalty=0.1), n_best=2, **common),
    ]
print(json.dumps([[np.asarray(x).tolist() for x in r] for r in jax.jit(find)(np.array([9, 4, 6]))]))
"""


@pytest.mark.slow  # Another process, under JAX: 8 s.
def test_the_jax_backend_finds_the_same() -> None:
    if importlib.util.find_spec("jax") is None:
        pytest.skip("JAX is not installed")
    table = np.random.default_rng(0).normal(size=(9, 9), scale=2.0).astype("float32")
    table[:, END] -= 2.0

    def step(token: Any, state: Any) -> Any:
        logits = ops.take(ops.array(table), token, axis=0)
        return logits, state, ops.softmax(logits[:, :3])

    common = {
        "maximum_length": np.array([9, 4, 6]),
        "source_mask": ops.ones((3, 3), "bool"),
        "return_weights": True,
    }
    expected = [
        greedy_search(step, (), 3, **common),
        sample_search(step, (), 3, Sample(top_k=5, top_p=0.9, seed=3), **common),
        beam_search(step, (), 3, Beam(3, coverage_penalty=0.1), n_best=2, **common),
    ]
    finished = subprocess.run(
        [sys.executable, "-c", ON_JAX, json.dumps(table.tolist())],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    for ours, theirs in zip(json.loads(finished.stdout), expected, strict=True):
        for field, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(field, array(other), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_best": 0}, "`n_best` must be at least 1"),
        ({"n_best": 3}, "`n_best` must be at most the beam size.* n_best=3, beam_size=2"),
        ({"patience": 0.5}, "patience must be from 1.0 to inf"),
    ],
)
def test_what_beam_search_cannot_do_is_told(arguments: Any, message: str) -> None:
    step, state = speller(["to", "be"])
    with pytest.raises(ValueError, match=message):
        beam_search(
            step, state, **{"batch_size": 2, "search": Beam(2), "maximum_length": 5, **arguments}
        )

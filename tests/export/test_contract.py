"""The contract's functions, in a loop, find what the translator finds."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from keras_s2s import Greedy
from keras_s2s.export.contract import Contract
from keras_s2s.export.parity import contract_run, greedy_answers

from ..budget import first

TEXTS = ["abc", "한국 é", "j", "hhhhhhhhhhhh"]
SHAPES: list[dict[str, Any]] = [
    {"attention": "general", "input_feeding": True},
    {"attention": "bahdanau", "cell": "gru", "num_layers": 2},
    {"attention": "none", "num_layers": 2, "direction": "forward"},
    {"attention": "dot", "cell": "gru", "input_feeding": True},
    {"attention": "scaled"},
    {"attention": "concat", "num_layers": 2, "input_feeding": True},
    {"attention": "local-m", "direction": "alternating", "num_layers": 2},
    {"attention": "bahdanau", "input_feeding": True, "direction": "forward"},
]


def encoded(translator: Any) -> list[list[int]]:
    return [[*ids, 3] for ids in translator.source_tokenizer.encode_all(TEXTS)]


@pytest.mark.parametrize("shape", first(3, SHAPES), ids=str)
def test_its_greedy_loop_answers_as_the_translator(make: Callable, shape: dict[str, Any]) -> None:
    translator = make(**shape)
    found = greedy_answers(contract_run(Contract(translator.model)), encoded(translator))
    expected = [answers[0] for answers in translator.stream(TEXTS, search=Greedy())]
    for ours, theirs in zip(found, expected, strict=True):
        assert translator.target_tokenizer.pieces(ours.ids) == theirs.target_pieces


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_what_a_model_does_not_have_is_absent_and_nothing_is_there_twice(
    make: Callable, shape: dict[str, Any]
) -> None:
    contract = Contract(make(**shape).model)
    encoded = contract.encode(np.array([[5, 6, 3]]), np.array([3]))
    assert ("memory" in encoded) == (shape["attention"] != "none")
    assert ("keys" in encoded) == (shape["attention"] not in ("none", "dot"))
    assert encoded["state"].shape == (1, contract.state_size)
    arguments = {**encoded, "length": np.array([3])} if "memory" in encoded else encoded
    step = contract.decode_step(np.array([2]), **arguments)
    assert ("attention" in step) == (shape["attention"] != "none")
    assert step["next_state"].shape == encoded["state"].shape


@pytest.mark.parametrize("unroll", [False, True])
def test_neither_padding_nor_what_stands_in_it_counts(make: Callable, unroll: bool) -> None:
    contract = Contract(make(input_feeding=True).model, unroll=unroll)
    length = np.array([3])
    plain = contract.encode(np.array([[5, 6, 3]]), length)
    padded = contract.encode(np.array([[5, 6, 3, 0, 7]]), length)
    np.testing.assert_allclose(plain["state"], padded["state"], atol=1e-6)
    one = contract.decode_step(np.array([2]), length, **plain)
    other = contract.decode_step(np.array([2]), length, **padded)
    np.testing.assert_allclose(one["logits"], other["logits"], atol=1e-5)
    assert np.asarray(other["attention"])[0, 3:].tolist() == [0.0, 0.0]


def test_padding_and_start_mark_are_never_next_and_unknown_may_be(make: Callable) -> None:
    contract = Contract(make(attention="none").model)
    state = contract.encode(np.array([[5, 3]]), np.array([2]))["state"]
    kernel = contract.decoder.output_kernel
    for best, expected in (([0, 2, 7], 7), ([0, 2, 1], 1), ([3], 3)):
        weights = np.full(kernel.shape, 0.0, "float32")
        hidden = contract.decode_step(np.array([2]), state=state)["next_state"][0]
        weights[:, best] = np.sign(np.asarray(hidden)[: len(weights), None])
        kernel.assign(weights)
        step = contract.decode_step(np.array([2]), state=state)
        assert np.asarray(step["logits"])[0].argmax() in best
        assert int(step["next_token"][0]) == expected


def test_a_model_in_half_precision_is_refused(make: Callable) -> None:
    model = make().model.with_dtype("mixed_bfloat16")
    with pytest.raises(ValueError, match="exported in float32"):
        Contract(model)

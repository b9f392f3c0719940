"""Models that predict from right to left: their answers are turned, and both directions agree."""

import json
import pickle
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from keras_s2s import (
    AutoRecipe,
    Beam,
    CharacterTokenizer,
    Constraints,
    Decoder,
    Encoder,
    Greedy,
    LuongAttention,
    Sample,
    Seq2Seq,
    Translator,
    export,
    train,
)
from keras_s2s.inference.averaging import average
from keras_s2s.inference.bidirectional import BidirectionalTranslator, decode_together
from keras_s2s.inference.forced import force
from keras_s2s.inference.right_to_left import opposite_order
from keras_s2s.inference.teachers import read_teachers
from keras_s2s.inference.translation import Translation

TEXTS = ["abc", "", "hgfedcba", "dd", "cab fed"]
PAIRS = [("abc", "ab"), ("dd", ""), ("cab", "hgf e")]
TOKENIZER = CharacterTokenizer.train(["abcdefgh "])


def make(seed: int, reverse_target: bool = False) -> Translator:
    keras.utils.set_random_seed(seed)
    size = TOKENIZER.vocabulary_size
    model = Seq2Seq(Encoder(size, 12), Decoder(size, 12, attention=LuongAttention(12)))
    model.set_weights([3 * weights for weights in model.get_weights()])
    search = Beam(3, length_penalty=0.6)
    return Translator(model, TOKENIZER, TOKENIZER, search=search, reverse_target=reverse_target)


@cache
def forward() -> Translator:
    return make(1)


@cache
def backward() -> Translator:
    return make(2, reverse_target=True)


@cache
def both() -> BidirectionalTranslator:
    return BidirectionalTranslator(forward(), backward())


def quiet(_: str) -> None:
    pass


def best(translator: Any, **how: Any) -> list[list[Translation]]:
    return list(translator.stream(TEXTS, maximum_length=9, **how))


@pytest.mark.parametrize("search", [Greedy(), Beam(3), Sample(seed=3)])
def test_answers_are_those_of_the_model_turned_around(search: Any) -> None:
    plain = Translator(backward().model, TOKENIZER, TOKENIZER)
    count = 1 if search == Greedy() else 2
    both = (best(one, search=search, n_best=count, attention=True) for one in (plain, backward()))
    for usual, turned in zip(*both, strict=True):
        assert len(usual) == len(turned)
        for one, other in zip(usual, turned, strict=True):
            order = opposite_order([3 if piece == "</s>" else 4 for piece in one.target_pieces])
            assert other.target_pieces == [one.target_pieces[place] for place in order]
            assert other.score == pytest.approx(one.score)
            if one.weights is not None and other.weights is not None:
                np.testing.assert_array_equal(other.weights, one.weights[order])


def test_given_targets_are_read_from_their_end() -> None:
    plain = Translator(backward().model, TOKENIZER, TOKENIZER)
    turned = [(source, target[::-1]) for source, target in PAIRS]
    expected = force(plain, turned, attention=True)
    for one, other in zip(expected, force(backward(), PAIRS, attention=True), strict=True):
        count = len(other.target_ids)
        order = [*range(count - 2, -1, -1), count - 1]
        assert [one.target_ids[place] for place in order] == other.target_ids
        logs = one.found.log_probabilities[order]
        np.testing.assert_allclose(other.found.log_probabilities, logs, rtol=1e-5)
        weights = [np.asarray(each.found.attention) for each in (other, one)]
        np.testing.assert_allclose(weights[0], weights[1][order], atol=1e-6)


def log_probability(translator: Translator, source: str, target: str) -> float:
    (found,) = force(translator, [(source, target)])
    return float(found.found.log_probabilities.sum())


def test_both_directions_score_what_both_find_by_the_mean_of_their_logarithms() -> None:
    several = [best(one, n_best=3) for one in (forward(), backward())]
    for text, of_forward, of_backward, found in zip(
        TEXTS, *several, best(both(), n_best=3), strict=True
    ):
        if not text:
            assert [one.text for one in found] == [""]
            continue
        candidates = {one.text for one in (*of_forward, *of_backward)}
        expected = {}
        for one in candidates:
            logs = [log_probability(each, text, one) for each in (forward(), backward())]
            length = len(TOKENIZER.encode(one)) + 1
            expected[one] = np.mean(logs) / ((5 + length) / 6) ** 0.6
        order = sorted(candidates, key=lambda one: -expected[one])
        assert [one.text for one in found] == order[:3]
        assert [one.score for one in found] == pytest.approx([expected[one] for one in order[:3]])


def test_a_copy_in_another_process_gives_the_same_answers() -> None:
    copy = pickle.loads(pickle.dumps(both()))
    assert copy.translate(TEXTS, maximum_length=9) == both().translate(TEXTS, maximum_length=9)


def test_several_of_each_direction_are_two_ensembles() -> None:
    found = decode_together([backward(), forward(), make(3), make(4, reverse_target=True)])
    assert isinstance(found, BidirectionalTranslator)
    assert [len(one.models) for one in (found.forward, found.backward)] == [2, 2]
    alone = Translator.ensemble([backward(), make(4, reverse_target=True)])
    assert isinstance(alone, Translator)
    assert alone.reverse_target
    assert len(found.translate(TEXTS)) == len(alone.translate(TEXTS)) == len(TEXTS)


@pytest.mark.parametrize(
    ("how", "what"),
    [
        ({"search": Beam(constraints=Constraints(minimum_length=2))}, "supports no constraints"),
        ({"prefixes": ["a"] * len(TEXTS)}, "cannot continue a prefix"),
    ],
)
def test_what_is_said_from_left_to_right_is_refused(how: dict[str, Any], what: str) -> None:
    for translator in (backward(), both()):
        with pytest.raises(ValueError, match=what):
            best(translator, **how)


@pytest.mark.parametrize(
    ("how", "what"),
    [
        ({"search": Sample()}, "decode by greedy or beam search"),
        ({"search": Beam(coverage_penalty=0.1)}, "without coverage penalty"),
        ({"attention": True}, "no common attention weights"),
        ({"replace_unknown": True}, "needed to replace unknown words"),
    ],
)
def test_what_one_direction_alone_can_do_is_refused(how: dict[str, Any], what: str) -> None:
    assert best(backward(), **how)
    with pytest.raises(ValueError, match=what):
        best(both(), **how)


def test_directions_that_do_not_go_together_are_told() -> None:
    with pytest.raises(ValueError, match="make a BidirectionalTranslator of two ensembles"):
        Translator.ensemble([forward(), backward()])
    for wrong in ([backward(), forward()], [forward(), forward()], [backward(), backward()]):
        with pytest.raises(ValueError, match="first translator predicts targets from left to"):
            BidirectionalTranslator(*wrong)


def test_tokens_of_both_directions_have_no_common_probability() -> None:
    with pytest.raises(ValueError, match="probability and the attention weights of a token"):
        list(force(both(), PAIRS))
    with pytest.raises(ValueError, match="must predict targets in the same direction"):
        average([forward(), backward()])


def test_an_export_predicts_from_left_to_right(tmp_path: Path) -> None:
    for form in (export.litert, export.onnx, export.saved_model):
        with pytest.raises(ValueError, match="right-to-left model cannot be exported"):
            form(backward(), tmp_path / "export")


def test_teachers_of_the_other_direction_are_left_out() -> None:
    rows = [[4, 5, 6], [7]], [[5], [6, 7]]
    alone = read_teachers([forward()], *rows, quiet)
    together = read_teachers([backward(), forward()], *rows, quiet)
    np.testing.assert_array_equal(alone.probabilities, together.probabilities)
    with pytest.raises(ValueError, match="only right-to-left teachers"):
        read_teachers([backward()], *rows, quiet)


def test_a_folder_keeps_the_direction(tmp_path: Path) -> None:
    backward().save(tmp_path / "model")
    found = Translator.load(tmp_path / "model")
    assert found.reverse_target
    assert found.translate(TEXTS, maximum_length=9) == backward().translate(TEXTS, maximum_length=9)
    path = tmp_path / "model" / "translator.json"
    content = json.loads(path.read_text("utf-8"))
    content["options"]["reverse_target"] = "no"
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises(ValueError, match="damaged"):
        Translator.load(tmp_path / "model")


def test_training_from_right_to_left_is_training_on_turned_targets(tmp_path: Path) -> None:
    words = ["bad", "dab", "add", "dad", "ab", "ad", "bab", "daa"]
    pairs = [(word, word.upper()) for word in words * 8]
    turned = [(source, target[::-1]) for source, target in pairs]
    options: dict[str, Any] = {"units": 16, "steps": 24, "precision": "float32"}
    usual = train(turned, turned[:8], tmp_path / "usual", AutoRecipe(**options), report=quiet)
    recipe = AutoRecipe(**options, reverse_target=True)
    found = train(pairs, pairs[:8], tmp_path / "turned", recipe, report=quiet)
    assert found.reverse_target
    for one, other in zip(usual.model.get_weights(), found.model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    answers = usual.translate(words)
    assert found.translate(words) == [answer[::-1] for answer in answers]
    histories = [
        json.loads((tmp_path / name / "history.json").read_text("utf-8"))["val_perplexity"]
        for name in ("usual", "turned")
    ]
    assert histories[0] == pytest.approx(histories[1])

"""Minimum Bayes risk decoding, recomputed by sacreBLEU candidate by candidate."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sacrebleu.metrics.chrf import CHRF

from keras_s2s.evaluation import mbr
from keras_s2s.evaluation.mbr import chrf_matrix, minimum_bayes_risk
from keras_s2s.inference.translation import Translation

words = st.sampled_from(["a", "dog", "dogs", "run", "runs", "aaa", "한국", "é", "  ", ""])
candidate_texts = st.lists(st.lists(words, max_size=6).map(" ".join), min_size=1, max_size=8)


def translations(texts: list[str], log_probabilities: list[float] | None = None) -> list:
    logs = log_probabilities or [-1.0] * len(texts)
    return [
        Translation(text, number, log, ["x"], ["y"], None)
        for number, (text, log) in enumerate(zip(texts, logs, strict=True))
    ]


def chrf(hypothesis: str, reference: str) -> float:
    return CHRF().sentence_score(hypothesis, [reference]).score


@given(candidate_texts)
def test_the_matrix_holds_sacrebleus_sentence_scores(texts: list[str]) -> None:
    expected = [[chrf(hypothesis, reference) for reference in texts] for hypothesis in texts]
    np.testing.assert_allclose(chrf_matrix(texts), expected, atol=1e-9)


def test_a_matrix_made_of_several_parts_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["a dog runs", "a dog ran", "the dogs run", ""]
    whole = chrf_matrix(texts)
    monkeypatch.setattr(mbr, "CELLS", 12)
    np.testing.assert_array_equal(chrf_matrix(texts), whole)


@given(candidate_texts)
def test_each_sample_counts_once_and_the_best_expected_utility_wins(texts: list[str]) -> None:
    (found,) = minimum_bayes_risk([translations(texts)], n_best=99)
    expected = {
        text: math.fsum(chrf(text, other) for other in texts) / len(texts) for text in texts
    }
    assert {one.text for one in found} == set(texts) and len(found) == len(set(texts))
    np.testing.assert_allclose(
        [one.score for one in found], [expected[one.text] for one in found], atol=1e-8
    )
    assert all(a.score >= b.score - 1e-8 for a, b in zip(found, found[1:], strict=False))
    ((best,),) = minimum_bayes_risk([translations(texts)])
    assert best == found[0]


def test_hypotheses_of_a_beam_count_by_their_probabilities() -> None:
    texts, logs = ["a dog", "a cat", "cats"], [math.log(0.3), math.log(0.1), math.log(0.2)]
    (found,) = minimum_bayes_risk([translations(texts, logs)], n_best=3, by_probability=True)
    shares = [0.5, 1 / 6, 1 / 3]
    for one in found:
        expected = sum(p * chrf(one.text, other) for p, other in zip(shares, texts, strict=True))
        assert one.score == pytest.approx(expected)


def test_of_equally_good_candidates_the_first_is_chosen() -> None:
    ((best,),) = minimum_bayes_risk([translations(["xy", "ab", "xy", "ab"])])
    assert best.text == "xy" and best.log_probability == -1.0


def test_a_blank_text_keeps_its_empty_translation() -> None:
    blank = [Translation("", 0.0, 0.0, [], [], None)]
    assert list(minimum_bayes_risk([blank])) == [blank]


def test_it_takes_one_text_after_the_other() -> None:
    drawn = (translations([text]) for text in ("a", "b"))
    found = minimum_bayes_risk(drawn)
    assert next(found)[0].text == "a" and next(drawn)[0].text == "b"


def test_no_translation_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match="`n_best` must be at least 1. Received: n_best=0"):
        minimum_bayes_risk([], n_best=0)

"""The profile of a corpus tells how its texts are written."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_s2s.data.profile import SAMPLE, profile_of, profile_of_stream

from ..budget import examples


def test_words_and_characters_are_counted() -> None:
    found = profile_of([("a dog", "ein Hund"), ("a cat", "eine Katze"), ("a", "ein")])
    assert found.pairs == 3
    assert found.source.words == pytest.approx(5 / 3)
    assert found.source.characters == pytest.approx(11 / 3)
    assert found.source.distinct_words == 3
    assert found.source.distinct_characters == len(set("adogcat"))
    assert found.source.uses == pytest.approx(5 / 3)
    assert found.target.word_length == pytest.approx((3 + 4 + 4 + 5) / 4)


def test_punctuation_is_not_copied() -> None:
    assert profile_of([("a , b .", "c , d .")]).copied == 0.0
    assert profile_of([("a 7 b .", "7 .")]).copied == 1.0


def test_sides_with_as_many_words_are_parallel() -> None:
    assert profile_of([("a b", "A B"), ("a", "A B")]).parallel == 0.5


def test_the_characters_of_all_pairs_are_counted_after_composition() -> None:
    pairs = [("e\u0301", "é")] * SAMPLE + [("漢", "b")] + [("é", "é")] * SAMPLE
    assert profile_of(pairs).characters == 3
    assert profile_of_stream(iter(pairs)).characters == 3


def test_numbers_of_several_digits_and_wide_characters_are_counted() -> None:
    found = profile_of([("12 a 3 45b", "漢字a"), ("678", "é")])
    assert found.source.numbers == pytest.approx(2 / 5)
    assert found.target.wide == 1.0
    assert found.target.subwords == pytest.approx(max(1.3, (4 / 2 - 1) / 5 + 1 / 1.5))


def test_words_of_a_target_that_its_own_source_has_are_copied() -> None:
    found = profile_of([("a cat sees a dog", "a dog"), ("two cats", "dog Two two two")])
    assert found.copied == pytest.approx((2 + 2) / (2 + 4))
    assert profile_of([("", "")]).copied == 0.0


def test_hangul_is_counted_as_jamo_and_letters_with_marks_as_two() -> None:
    found = profile_of([("한국 ab", "é")])
    assert found.source.distinct_characters == len(set(unicodedata.normalize("NFD", "한국ab")))
    assert found.source.hangul == pytest.approx(6 / 8)
    assert found.target.distinct_characters == 2
    assert found.target.hangul == 0.0


def test_of_a_large_corpus_an_even_sample_is_looked_at() -> None:
    pairs = [("a", "b")] * SAMPLE + [("a b c", "b")] * SAMPLE
    found = profile_of(pairs)
    assert found.pairs == 2 * SAMPLE
    assert found.source.words == pytest.approx(2.0)


@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), min_size=1, max_size=8))
@examples(50)
def test_any_texts_have_a_profile(pairs: list[tuple[str, str]]) -> None:
    found = profile_of(pairs)
    for side in (found.source, found.target):
        assert 0 <= side.hangul <= 1
        assert side.words >= 0
        assert side.uses >= 0


def test_a_small_stream_is_looked_at_as_a_whole() -> None:
    pairs = [("a dog", "ein Hund"), ("a cat", "eine Katze"), ("a", "ein")]
    assert profile_of_stream(iter(pairs)) == profile_of(pairs)


def test_of_a_large_stream_every_part_is_in_the_sample_alike() -> None:
    pairs = [("a", "b")] * SAMPLE + [("a b c", "b")] * (3 * SAMPLE)
    found = profile_of_stream(iter(pairs))
    assert found.pairs == 4 * SAMPLE
    # Three words in three quarters of the sources; five standard errors of the sample.
    assert found.source.words == pytest.approx(2.5, abs=5 * 0.87 / SAMPLE**0.5)
    assert found == profile_of_stream(iter(pairs))


def test_a_stream_without_a_pair_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one pair"):
        profile_of_stream(iter([]))

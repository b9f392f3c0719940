"""No source is on both sides of a split, whatever the pairs."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_s2s import hold_out
from keras_s2s.data.hold_out import Splitter
from keras_s2s.text.normalization import normalize

TEXTS = st.sampled_from(["a", " a", "b", "b  c", "b c", "e\u0301", "é", "ﬁ", "fi", "d", "", " "])
PAIRS = st.lists(st.tuples(TEXTS, st.text("xy", max_size=2)), min_size=1, max_size=30)


@given(PAIRS, st.floats(0.01, 0.99), st.integers(0, 9), st.sampled_from(["NFC", "NFKC"]))
def test_every_pair_is_on_one_side_with_all_pairs_of_its_source(
    pairs: list[tuple[str, str]], share: float, seed: int, form: str
) -> None:
    sources = {normalize(source, form) for source, _ in pairs}
    if len(sources) < 2:
        with pytest.raises(ValueError, match=f"two sources must differ. Received: {len(sources)}"):
            hold_out(pairs, share, seed, normalization=form)
        return
    training, validation = hold_out(pairs, share, seed, normalization=form)
    assert training and validation
    assert Counter([*training, *validation]) == Counter(pairs)
    sides = [{normalize(source, form) for source, _ in side} for side in (training, validation)]
    assert not sides[0] & sides[1]
    smallest = min(Counter(normalize(source, form) for source, _ in pairs).values())
    assert len(validation) <= max(1, round(share * len(pairs)), smallest)
    places = [pairs.index(pair) for pair in dict.fromkeys(training)]
    assert places == sorted(places)


def test_the_share_is_met_and_the_seed_chooses() -> None:
    pairs = [(str(number), "x") for number in range(1000)]
    found = {seed: hold_out(pairs, 0.2, seed).validation for seed in (1, 2)}
    assert [len(one) for one in found.values()] == [200, 200]
    assert len(set(found[1]) & set(found[2])) < 80  # 40 by chance.
    assert set(hold_out(pairs[::-1], 0.2, 1).validation) == set(found[1])
    assert len(hold_out(pairs, 0.2, most=7).validation) == 7


def test_a_source_that_is_most_of_the_corpus_stays_for_training() -> None:
    pairs = [("yes", str(number)) for number in range(95)] + [("no", "0"), ("perhaps", "0")]
    validation = hold_out(pairs, 0.05).validation
    assert sorted(validation) in (
        [("no", "0")],
        [("perhaps", "0")],
        [("no", "0"), ("perhaps", "0")],
    )


@pytest.mark.parametrize("share", [-0.1, 1.0, 0.0, float("nan")])
def test_a_share_that_splits_nothing_is_an_error(share: float) -> None:
    with pytest.raises(ValueError, match="`share` must be"):
        hold_out([("a", "b"), ("c", "d")], share)


def test_a_stream_is_split_in_the_same_way() -> None:
    pairs = [(f" {number % 500}", str(number)) for number in range(2000)]
    splitter, lines = Splitter(0.1, 3), []
    training = list(splitter.split(pairs, lines.append))
    held_out = [tuple(line.split("\t")) for line in lines]
    assert sorted([*training, *held_out]) == sorted(pairs)
    assert len(held_out) == splitter.held_out and 120 <= len(held_out) <= 290
    assert not {source for source, _ in training} & {source for source, _ in held_out}
    # The first sources in the order of their places are held out by both.
    assert set(held_out) <= set(hold_out(pairs, 0.2, 3).validation)

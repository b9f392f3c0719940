"""Generated sources resemble the given ones, and are none of them."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from keras_s2s.data.pseudo_sources import ORDER, pseudo_sources

TEXTS = st.lists(st.text("abc한 é", max_size=8), max_size=12)


@given(TEXTS, st.integers(0, 20), st.integers(0, 9))
def test_they_are_new_of_the_same_characters_and_not_too_long(
    texts: list[str], count: int, seed: int
) -> None:
    found = pseudo_sources(texts, count, seed)
    assert len(found) == len(set(found)) <= count
    assert not set(found) & set(texts)
    assert {*"".join(found)} <= {*"".join(texts)}
    assert all(text.strip() for text in found)
    assert max(map(len, found), default=0) <= 2 * max(map(len, texts), default=0)


def test_they_depend_on_the_texts_and_the_seed_alone() -> None:
    texts = ["banana", "bandana", "cabana", "savanna"]
    assert pseudo_sources(texts, 9) == pseudo_sources(reversed(texts), 9)
    assert pseudo_sources(texts, 9) != pseudo_sources(texts, 9, seed=2)


def test_most_of_what_they_are_made_of_occurs_in_the_texts() -> None:
    syllables = ["ba", "ke", "lo", "mi", "tu"]
    texts = [a + b + c for a in syllables for b in syllables for c in syllables][::2]

    def parts(words: list[str]) -> Counter[str]:
        marked = [f"^{word}$" for word in words]
        return Counter(one[i : i + 3] for one in marked for i in range(len(one) - 2))

    assert ORDER > 2
    known, found = parts(texts), parts(pseudo_sources(texts, 60))
    share = sum(count for part, count in found.items() if part in known) / found.total()
    assert share > 0.8

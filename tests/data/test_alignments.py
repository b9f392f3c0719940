"""Alignments in the Pharaoh format: read as they were written, and mistakes named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_s2s.data.alignments import read_links, write_links


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4)), unique=True))
def test_links_are_read_as_they_were_written(links: list[tuple[int, int]]) -> None:
    assert read_links(write_links(links), 7, 5) == links


def test_white_space_and_repeated_links_do_not_matter() -> None:
    assert read_links(" 1-0\t00-1  1-0 \r", 2, 2) == [(1, 0), (0, 1)]
    assert read_links(" ", 0, 0) == []


@pytest.mark.parametrize(
    "line", ["0", "0-", "0:1", "-1-0", "0-0-0", "0-1p", "a-b", "0-1,1-2", "1-²", "0-" + "9" * 40]
)
def test_another_form_is_an_error(line: str) -> None:
    with pytest.raises(ValueError, match="such as 0-0 1-2. Received: '") as error:
        read_links(line, 9, 9)
    assert len(str(error.value)) < 150


def test_a_word_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match="Received: 2-0, with a source of 2 words"):
        read_links("1-2 2-0", 2, 3)
    with pytest.raises(ValueError, match="Received: 1-3, with a target of 3 words"):
        read_links("1-3", 2, 3)

"""Word alignments by the attention, and their error rate."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_s2s import (
    CharacterTokenizer,
    Decoder,
    Encoder,
    LuongAttention,
    SentencePieceTokenizer,
    Seq2Seq,
    Translator,
)
from keras_s2s.evaluation.alignment import align, alignment_error_rate, links_between

LINES = ["low lower lowest", "new newer newest"]
PAIRS = [("low newer", "newest low new"), ("", "low"), ("new", ""), ("?", "low ?"), ("new", "l o")]


def make(source: Any, target: Any) -> Translator:
    sizes = [source.vocabulary_size, target.vocabulary_size]
    model = Seq2Seq(Encoder(sizes[0], 8), Decoder(sizes[1], 8, attention=LuongAttention(8)))
    generator = np.random.default_rng(3)
    model.set_weights([generator.normal(size=one.shape) for one in model.get_weights()])
    return Translator(model, source, target)


def test_a_target_word_is_linked_to_the_source_word_that_its_pieces_look_at_most() -> None:
    tokenizer = SentencePieceTokenizer.train(LINES, 16)
    found = list(align(make(tokenizer, tokenizer), PAIRS))
    for (source, target), pair in zip(PAIRS, found, strict=True):
        pieces = [tokenizer.pieces(tokenizer.encode(text)) for text in (source, target)]
        assert pair.source_pieces == [*pieces[0], "</s>"]
        assert pair.target_pieces == [*pieces[1], "</s>"]
        expected, seen = [], -1
        sums: dict[tuple[int, int], float] = {}
        for row, piece in enumerate(pieces[1]):  # Words counted at the marks of their starts.
            seen, at = seen + piece.count("▁"), -1
            for column, other in enumerate(pieces[0]):
                at += other.count("▁")
                sums[seen, at] = sums.get((seen, at), 0.0) + float(pair.weights[row, column])
        for word in range(len(target.split()) if source else 0):
            best = max(range(len(source.split())), key=lambda at: sums[word, at])
            expected.append((best, word))
        assert pair.links == expected
    assert [len(pair.links) for pair in found] == [3, 0, 0, 2, 2]


def test_characters_are_summed_over_their_words_without_the_blanks() -> None:
    tokenizer = CharacterTokenizer.train(LINES)
    (pair,) = align(make(tokenizer, tokenizer), [("low new", "we l")])
    sums = [
        [pair.weights[rows][:, columns].sum() for columns in (slice(0, 3), slice(4, 7))]
        for rows in (slice(0, 2), slice(3, 4))
    ]
    assert pair.links == [(int(np.argmax(row)), word) for word, row in enumerate(sums)]


def test_words_that_were_cut_off_have_no_link() -> None:
    tokenizer = CharacterTokenizer.train(LINES)
    whole = make(tokenizer, tokenizer)
    short = Translator(whole.model, tokenizer, tokenizer, maximum_source_length=4)
    with pytest.warns(UserWarning, match="was cut to 4 tokens"):
        (pair,) = align(short, [("low new", "low new")])
    assert pair.links == [(0, 0)] and pair.weights.shape == (4, 4)


def test_nothing_is_linked_where_there_is_no_weight() -> None:
    words = np.array([0, -1, 1])
    assert links_between(np.zeros((3, 3)), words, words) == []
    weights = np.eye(3)
    assert links_between(weights, words, words) == [(0, 0), (1, 1)]
    assert links_between(weights[:, :0], words[:0], words) == []


def test_the_error_rate_is_that_of_an_example_counted_by_hand() -> None:
    found = [[(0, 0), (1, 1), (2, 1)], [(0, 1)], []]
    sure = [[(0, 0), (1, 1), (3, 2)], [(0, 0)], []]
    possible = [[(0, 0), (1, 1), (2, 1), (3, 2)], [(0, 0), (0, 1)], [(0, 0)]]
    # |A| = 4, |S| = 4, |A and S| = 2, |A and P| = 4
    assert alignment_error_rate(found, sure, possible) == pytest.approx(1 - 6 / 8)
    assert alignment_error_rate(found, sure) == pytest.approx(1 - 4 / 8)
    assert alignment_error_rate(sure, sure) == 0
    assert alignment_error_rate([[]], [[]]) == 0
    assert alignment_error_rate([[]], [[(0, 0)]]) == 1
    with pytest.raises(ValueError, match="links of 1, 2 and 2 pairs"):
        alignment_error_rate([[]], [[], []])


LINKS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=6)


@given(found=LINKS, sure=LINKS)
def test_where_all_links_are_sure_the_rate_is_1_minus_f1(found: Any, sure: Any) -> None:
    a, s = set(found), set(sure)
    f1 = 2 * len(a & s) / (len(a) + len(s)) if a or s else 1.0
    assert alignment_error_rate([found], [sure]) == pytest.approx(1 - f1)


def test_a_model_without_attention_aligns_nothing(tmp_path: Path) -> None:
    tokenizer = CharacterTokenizer.train(LINES)
    size = tokenizer.vocabulary_size
    plain = Translator(Seq2Seq(Encoder(size, 4), Decoder(size, 4)), tokenizer, tokenizer)
    with pytest.raises(ValueError, match="Attention weights need a model with attention"):
        align(plain, PAIRS)

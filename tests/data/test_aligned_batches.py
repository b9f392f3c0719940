"""Alignments go with their pairs, whatever the segmentation and the order of an epoch."""

import itertools
from typing import Any

import numpy as np
import pytest

from keras_s2s import Batches, CharacterTokenizer, SentencePieceTokenizer, Tokenizer
from keras_s2s.data.aligned_batches import AlignedBatches, PairAlignments
from keras_s2s.data.pairs import encode_pairs
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.training_data import make_batches

PAIRS = [
    ("low lower", "new newest"),
    ("lowest", "newer new new"),
    ("low low low", "new"),
    ("lower", "newest newer"),
    ("lowest low", "new"),
]
LINES = ["0-1 1-0", "0-0 0-2", "", "0-0 0-1 0-0", "1-0 0-0"]
SUBWORDS = SentencePieceTokenizer.train([side for pair in PAIRS for side in pair], 18)
CHARACTERS = CharacterTokenizer.train([side for pair in PAIRS for side in pair])


def words_at(tokenizer: Tokenizer, ids: list[int]) -> list[int]:
    """The word of each id, counted at the blanks; -1 for a blank."""
    found, word = [], -1 if tokenizer is SUBWORDS else 0
    for piece in tokenizer.pieces(ids):
        word += piece.count("▁") + piece.count(" ")
        found.append(-1 if piece == " " else word)
    return found


def slow_matrix(line: str, source: list[int], target: list[int], tokenizer: Tokenizer) -> Any:
    """Of tokens without end marks, cell by cell."""
    links = {tuple(map(int, link.split("-"))) for link in line.split()}
    rows, columns = words_at(tokenizer, target), words_at(tokenizer, source)
    found = np.zeros((len(rows) + 1, len(columns) + 1))
    for (t, row), (s, column) in itertools.product(enumerate(rows), enumerate(columns)):
        if (column, row) in links:
            linked = sum(1 for _, other in links if other == row)
            found[t, s] = 1 / linked / columns.count(column)
    return found


def unpadded(ids: np.ndarray) -> list[int]:
    return ids[ids > 0].tolist()[:-1]


@pytest.mark.parametrize("tokenizer", [SUBWORDS, CHARACTERS], ids=["subwords", "characters"])
def test_a_batch_has_the_alignment_of_each_of_its_pairs(tokenizer: Tokenizer) -> None:
    recipe = Recipe(batch_sentences=2, subword_sampling=0.1, seed=3)
    batches = make_batches(PAIRS, tokenizer, tokenizer, recipe)
    alignments = PairAlignments(PAIRS, LINES, tokenizer, tokenizer)
    aligned = AlignedBatches(batches, alignments, decay=0.5)
    assert str(aligned) == str(batches) and aligned.steps_per_epoch == 3
    seen, segmentations = [], set()
    for epoch in (0, 1, 2):
        for (source, _), (target, found) in aligned.epoch(epoch).as_numpy_iterator():
            for ids, others, matrix in zip(source, target, found, strict=True):
                ids, others = unpadded(ids), unpadded(others)
                pair = PAIRS.index((tokenizer.decode(ids), tokenizer.decode(others)))
                expected = slow_matrix(LINES[pair], ids, others, tokenizer)
                rows, columns = expected.shape
                np.testing.assert_allclose(matrix[:rows, :columns], 0.5**epoch * expected)
                assert not matrix[rows:].any() and not matrix[:, columns:].any()
                seen.append(pair)
                segmentations.add((pair, *ids))
    assert sorted(seen) == sorted([*range(5)] * 3)
    assert len(segmentations) > 5 or tokenizer is CHARACTERS


def test_pairs_that_are_skipped_take_their_alignments_with_them() -> None:
    batches = Batches(
        *encode_pairs(PAIRS, CHARACTERS, CHARACTERS), batch_sentences=1, maximum_length=12
    )
    alignments = PairAlignments(PAIRS, LINES, CHARACTERS, CHARACTERS)
    aligned = AlignedBatches(batches, alignments)
    assert (aligned.pairs, aligned.skipped) == (3, 2)
    for ((source, _), (target, found)), (pair,) in zip(
        aligned.epoch(1).as_numpy_iterator(), aligned.plan(1), strict=True
    ):
        expected = slow_matrix(LINES[pair], unpadded(source[0]), unpadded(target[0]), CHARACTERS)
        np.testing.assert_allclose(found[0], expected)


def test_it_goes_on_at_any_step() -> None:
    batches = make_batches(PAIRS, SUBWORDS, SUBWORDS, Recipe(batch_sentences=2))
    alignments = PairAlignments(PAIRS, LINES, SUBWORDS, SUBWORDS)
    aligned = AlignedBatches(batches, alignments, decay=0.9)
    whole = list(aligned.dataset().take(7).as_numpy_iterator())
    for ours, theirs in zip(aligned.dataset(1, 1).take(3), whole[4:], strict=True):
        for one, other in zip(ours[1], theirs[1], strict=True):
            np.testing.assert_array_equal(one, other)


def test_mistakes_are_told() -> None:
    for lines in (LINES[:4], "0-0"):
        with pytest.raises(ValueError, match="every pair needs an alignment"):
            PairAlignments(PAIRS, lines, SUBWORDS, SUBWORDS)
    with pytest.raises(ValueError, match="Alignment 2: .* Received: 5-0, with a source of"):
        PairAlignments(PAIRS[:2], ["0-0", "5-0"], SUBWORDS, SUBWORDS)
    batches = make_batches(PAIRS, SUBWORDS, SUBWORDS, Recipe(batch_sentences=2))
    alignments = PairAlignments(PAIRS, LINES, SUBWORDS, SUBWORDS)
    for decay in (0.0, 1.1, float("nan")):
        with pytest.raises(ValueError, match="decay must be above 0 and at most 1"):
            AlignedBatches(batches, alignments, decay)

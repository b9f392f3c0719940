"""Each pair comes again without one word of its target, whatever the segmentation."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

from keras_s2s import Batches, CharacterTokenizer, SentencePieceTokenizer, Tokenizer, WordTokenizer
from keras_s2s.data.contrastive_batches import ContrastiveBatches
from keras_s2s.data.pairs import encode_pairs
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.training_data import make_batches

from ..budget import first

PAIRS = [
    ("low lower", "new, newest!"),
    ("lowest", "newer new new"),
    ("low low low", "new"),
    ("lower", "newest newer"),
    ("lowest low", "(new) n"),
]
SIDES = [side for pair in PAIRS for side in pair]
TOKENIZERS: dict[str, Tokenizer] = {
    "subwords": SentencePieceTokenizer.train(SIDES, 20),
    "characters": CharacterTokenizer.train(SIDES),
    "words": WordTokenizer.train(SIDES),
}


def made(kind: str, **options: Any) -> ContrastiveBatches:
    tokenizer = TOKENIZERS[kind]
    recipe = Recipe(batch_sentences=2, subword_sampling=0.1, seed=3)
    batches = make_batches(PAIRS, tokenizer, tokenizer, recipe, **options)
    return ContrastiveBatches(batches, PAIRS, tokenizer, seed=3)


def ends(ids: np.ndarray) -> list[int]:
    return ids[ids > 0].tolist()


@pytest.mark.parametrize("kind", first(1, TOKENIZERS))
def test_the_second_half_lacks_one_word_of_each_target(kind: str) -> None:
    batches, decode = made(kind), TOKENIZERS[kind].decode
    assert batches.steps_per_epoch == 3 and batches.pairs == 5
    seen: Counter = Counter()
    for epoch in range(12):
        elements = list(batches.epoch(epoch).as_numpy_iterator())
        for ((source, target_in), target), plan in zip(elements, batches.plan(epoch), strict=True):
            half = len(plan)
            assert len(source) == len(target_in) == len(target) == 2 * half
            np.testing.assert_array_equal(source[:half], source[half:])
            for row, pair in enumerate(plan.tolist()):
                whole, other = ends(target[row]), ends(target[row + half])
                assert decode(ends(source[row])) == PAIRS[pair][0]
                assert decode(whole) == PAIRS[pair][1]
                assert ends(target_in[row + half]) == ([2, *other[:-1]] if other else [])
                words = PAIRS[pair][1].split()
                without = [" ".join(words[:i] + words[i + 1 :]) for i in range(len(words))]
                if len(words) == 1:
                    assert other == []
                    continue
                assert other[-1] == 3 and decode(other) in without
                if kind != "subwords":  # No blank is left over; subwords are sampled.
                    assert TOKENIZERS[kind].encode(decode(other)) == other[:-1]
                # All other tokens are those of the whole target, in its segmentation.
                assert any(
                    whole[:i] + whole[i + len(whole) - len(other) :] == other
                    for i in range(len(whole))
                )
                seen[pair, decode(other)] += 1
    assert len(seen) == 2 + 2 + 2 + 2  # Of "newer new new", two of the three are the same.


def test_weights_come_twice_and_it_goes_on_at_any_step() -> None:
    weights = [1.0, 2.0, 3.0, 4.0, 5.0]
    batches = made("subwords", sample_weight=weights)
    whole = list(batches.dataset().take(7).as_numpy_iterator())
    for plan, (_, _, found) in zip(batches.plan(0), whole, strict=False):
        assert found.tolist() == [*(plan + 1), *(plan + 1)]
    later = batches.dataset(1, 1).take(3).as_numpy_iterator()
    for ours, theirs in zip(later, whole[4:], strict=True):
        np.testing.assert_array_equal(ours[0][1], theirs[0][1])
        np.testing.assert_array_equal(ours[1], theirs[1])


def test_skipped_pairs_are_counted_and_other_pairs_are_told() -> None:
    tokenizer = TOKENIZERS["characters"]
    ids = encode_pairs(PAIRS, tokenizer, tokenizer)
    batches = Batches(*ids, batch_sentences=1, maximum_length=12)
    contrastive = ContrastiveBatches(batches, PAIRS, tokenizer)
    assert (contrastive.pairs, contrastive.skipped) == (batches.pairs, batches.skipped)
    assert contrastive.skipped and contrastive.longest_target <= 12
    for ((source, _), target), (pair,) in zip(
        contrastive.epoch(1).as_numpy_iterator(), contrastive.plan(1), strict=True
    ):
        found = [tokenizer.decode(ends(side[0])) for side in (source, target)]
        assert tuple(found) == PAIRS[pair]
    with pytest.raises(ValueError, match="must be those of the batches. Received: 5 pairs .* 4 as"):
        ContrastiveBatches(batches, PAIRS[:4], tokenizer)
    with pytest.raises(ValueError, match="`seed` must be at least 0. Received: seed=-1"):
        ContrastiveBatches(batches, PAIRS, tokenizer, seed=-1)

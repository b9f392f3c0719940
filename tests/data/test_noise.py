"""Noise on sources against one written word by word, its bounds and its rates."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from keras_s2s import CharacterTokenizer, SentencePieceTokenizer, Tokenizer, WordTokenizer
from keras_s2s.data.noise import MASK, Noise
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.training_data import make_batches

TAG = "<2de>"
words = st.sampled_from(["ein", "Hund,", "개", "👩‍🔬", "e\u0301", TAG, f"x{TAG}", "<2d", "e>"])
texts = st.lists(words, max_size=9).flatmap(
    lambda some: st.sampled_from([" ", "  ", "\t", "\u3000"]).map(lambda blank: blank.join(some))
)
noises = st.builds(
    Noise,
    drop=st.sampled_from([0.0, 0.2, 0.9]),
    swap=st.integers(0, 4),
    mask=st.sampled_from([0.0, 0.2, 0.9]),
    seed=st.integers(0, 3),
    protected=st.sampled_from([(), (TAG,)]),
)


def is_protected(word: str, noise: Noise) -> bool:
    return any(symbol in word for symbol in noise.protected)


def slow_noise(noise: Noise, lines: list[str], number: int) -> list[str]:
    """The same, word by word, from the same random numbers."""
    random = np.random.default_rng([noise.seed, number, 1])
    rows = [line.split() for line in lines]

    def draws() -> list[list[float]]:
        values = iter(random.random(sum(map(len, rows))))
        return [[next(values) for _ in row] for row in rows]

    def chosen(row: list[str], values: list[float], probability: float) -> set[int]:
        free = [place for place, word in enumerate(row) if not is_protected(word, noise)]
        found = {place for place in free if values[place] < probability}
        return found - {max(free, key=values.__getitem__)} if free else set()

    if noise.drop:
        some = [chosen(row, u, noise.drop) for row, u in zip(rows, draws(), strict=True)]
        rows = [
            [word for place, word in enumerate(row) if place not in drops]
            for row, drops in zip(rows, some, strict=True)
        ]
    if noise.mask:
        some = [chosen(row, u, noise.mask) for row, u in zip(rows, draws(), strict=True)]
        rows = [
            [MASK if place in masks else word for place, word in enumerate(row)]
            for row, masks in zip(rows, some, strict=True)
        ]
    if noise.swap:
        moved = []
        for row, u in zip(rows, draws(), strict=True):
            numbers = [place + (noise.swap + 1) * u[place] for place in range(len(row))]
            protected = [is_protected(word, noise) for word in row]
            parts = itertools.groupby(range(len(row)), protected.__getitem__)
            orders = [
                list(part) if kept else sorted(part, key=numbers.__getitem__)
                for kept, part in parts
            ]
            moved.append([row[place] for order in orders for place in order])
        rows = moved
    return [" ".join(row) for row in rows]


@settings(max_examples=150, deadline=None)
@given(noise=noises, lines=st.lists(texts, max_size=6), number=st.integers(0, 5))
@example(Noise(drop=0.9, swap=2, mask=0.9), ["", " ", "a", "", "a b c"], 0)
@example(Noise(drop=0.9, swap=2, mask=0.9), ["", ""], 0)
def test_it_is_what_one_computes_word_by_word(noise: Noise, lines: list[str], number: int) -> None:
    found = noise(lines, number)
    assert found == slow_noise(noise, lines, number) == noise(lines, number)
    for line, noisy in zip(lines, found, strict=True):
        before, after = line.split(), noisy.split()
        kept = [word for word in before if is_protected(word, noise)]
        assert [word for word in after if is_protected(word, noise)] == kept
        free = [word for word in before if not is_protected(word, noise)]
        assert not free or set(free) & set(after)  # A word is left, and is no mask.


@settings(max_examples=60, deadline=None)
@given(
    swap=st.integers(0, 5),
    drop=st.sampled_from([0.0, 0.3]),
    lengths=st.lists(st.integers(0, 30), max_size=20),
    number=st.integers(0, 100),
)
def test_no_word_moves_further_than_it_may(
    swap: int, drop: float, lengths: list[int], number: int
) -> None:
    lines = [" ".join(map(str, range(length))) for length in lengths]
    for noisy in Noise(swap=swap, drop=drop)(lines, number):
        places = [int(word) for word in noisy.split()]
        for place, before in enumerate(np.argsort(np.argsort(places))):
            assert abs(place - before) <= swap


def test_rates_are_the_probabilities_and_all_distances_come() -> None:
    lines = [" ".join(map(str, range(50)))] * 2000
    dropped = [len(line.split()) for line in Noise(drop=0.1)(lines, 0)]
    assert np.mean(dropped) == pytest.approx(45, abs=0.2)
    masked = [line.split().count(MASK) for line in Noise(mask=0.3)(lines, 0)]
    assert np.mean(masked) == pytest.approx(15, abs=0.3)
    moved = np.array([line.split() for line in Noise(swap=2)(lines, 0)], int) - np.arange(50)
    assert set(moved[:, 2:-2].ravel().tolist()) == {-2, -1, 0, 1, 2}
    assert np.abs(moved.mean(axis=0)).max() < 0.4


def test_another_epoch_or_seed_is_other_noise() -> None:
    lines = [" ".join(map(str, range(50)))] * 3
    found = [Noise(swap=2, seed=seed)(lines, number) for seed in (0, 1) for number in (0, 1)]
    assert len({line for some in found for line in some}) == 12
    assert not Noise().changes and Noise()(["a  b"], 0) == ["a b"]


KINDS: dict[str, Any] = {
    "word": WordTokenizer.train,
    "character": CharacterTokenizer.train,
    "sentencepiece": lambda lines, **more: SentencePieceTokenizer.train(lines, 14, **more),
}


@pytest.mark.filterwarnings("ignore:vocabulary_size=.* is more than the text fills")
@pytest.mark.parametrize("kind", list(KINDS))
def test_a_mask_is_one_unknown_token(kind: str) -> None:
    tokenizer: Tokenizer = KINDS[kind](["ab ba abba", "baab ab"] * 4, protected=[TAG])
    pieces = tokenizer.pieces(tokenizer.encode(f"{TAG} ab {MASK} {MASK} ba"))
    assert pieces.count("<unk>") == 2 and pieces.count(TAG) == 1
    Noise(mask=0.1).check(tokenizer)
    known = KINDS[kind](["ab ba abba", f"baab {MASK}"] * 4)
    Noise(drop=0.1).check(known)
    with pytest.raises(ValueError, match="U\\+E000, which must be unknown to the tokenizer"):
        Noise(mask=0.1).check(known)


@pytest.mark.parametrize(
    "options", [{"drop": 1.0}, {"drop": -0.1}, {"mask": float("nan")}, {"swap": -1}, {"seed": -1}]
)
def test_what_is_out_of_range_is_told(options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(ValueError, match=f"`{name}` must be .*Received: {name}="):
        Noise(**options)


def test_batches_have_noise_on_their_sources_alone_and_go_on_at_any_step() -> None:
    pairs = [
        (f"{TAG} {a} {b} {c}", f"{c} {b} {a}") for a, b, c in itertools.permutations("vwxyz", 3)
    ]
    recipe = Recipe(noise_drop=0.2, noise_swap=1, noise_mask=0.2, batch_sentences=8)
    tokenizer = WordTokenizer.train([side for pair in pairs for side in pair], protected=[TAG])
    batches = make_batches(pairs, tokenizer, tokenizer, recipe)
    whole = list(batches.dataset().take(16).as_numpy_iterator())
    for ours, theirs in zip(batches.dataset(1, 3), whole[11:], strict=False):
        np.testing.assert_array_equal(ours[0][0], theirs[0][0])
    seen = []
    for epoch in (0, 1):
        plan = itertools.chain(*batches.plan(epoch))
        rows = itertools.chain(
            *(
                zip(source, target, strict=True)
                for (source, _), target in whole[8 * epoch : 8 * epoch + 8]
            )
        )
        found = {}
        for pair, (source, target) in zip(plan, rows, strict=True):
            found[int(pair)] = tokenizer.pieces(source[source > 0].tolist())
            assert tokenizer.decode(target[target > 0].tolist()) == pairs[pair][1]
            assert found[int(pair)][0] == TAG
            assert set(found[int(pair)]) <= {*pairs[pair][0].split(), "<unk>", "</s>"}
        seen.append(found)
    assert len(seen[0]) == 60 and seen[0] != seen[1]

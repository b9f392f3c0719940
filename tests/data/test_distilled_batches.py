"""Batches of distributions: what teachers say, mixed with the labels of the data."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_s2s.data.batches import Batches
from keras_s2s.data.distilled_batches import DistilledBatches, TokenDistributions

KEPT = 3


def made(lengths: list[int], seed: int) -> tuple[list[list[int]], TokenDistributions]:
    """Targets of some lengths, and distributions over 20 ids whose first entries are theirs."""
    draw = np.random.default_rng(seed)
    targets = [draw.integers(4, 20, length - 1).tolist() for length in lengths]
    own = [token for target in targets for token in (*target, 3)]
    others = [draw.permutation([one for one in range(20) if one != token])[:2] for token in own]
    ids = [[token, *some] for token, some in zip(own, others, strict=True)]
    probabilities = draw.dirichlet(np.ones(KEPT + 1), len(own))[:, :KEPT]
    return targets, TokenDistributions(lengths, ids, probabilities)


@settings(max_examples=40)
@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=8),
    st.floats(0, 1),
    st.floats(0, 0.9),
    st.integers(0, 99),
)
def test_a_target_is_the_mean_of_label_and_teachers(
    lengths: list[int], weight: float, smoothing: float, seed: int
) -> None:
    targets, distributions = made(lengths, seed)
    batches = Batches(targets, targets, batch_sentences=3, seed=seed)
    distilled = DistilledBatches(batches, distributions, weight, smoothing)
    starts = np.cumsum([0, *lengths])
    found = zip(batches.plan(1), batches._batches([(1, 0)]), distilled.epoch(1), strict=True)
    for pairs, (_, target_out), (_, given_to_fit) in found:
        ids, shares = np.moveaxis(given_to_fit.numpy(), 2, 0)
        np.testing.assert_array_equal(ids[..., 0], target_out)
        assert not shares[target_out == 0].any()
        for row, pair in enumerate(pairs.tolist()):
            some = slice(starts[pair], starts[pair + 1])
            np.testing.assert_array_equal(ids[row, : lengths[pair]], distributions.ids[some])
            expected = weight * distributions.probabilities[some]
            expected[:, 0] += (1 - weight) * (1 - smoothing)
            np.testing.assert_allclose(shares[row, : lengths[pair]], expected, atol=1e-6)


def test_batches_start_at_any_step_and_keep_the_weights_of_their_pairs() -> None:
    targets, distributions = made([3, 2, 5, 4, 1], seed=1)
    weights = [1.0, 2.0, 3.0, 4.0, 5.0]
    batches = Batches(targets, targets, batch_sentences=2, sample_weight=weights)
    distilled = DistilledBatches(batches, distributions)
    whole, later = (list(distilled.epoch(0, step)) for step in (0, 1))
    assert len(whole) == len(later) + 1 == distilled.steps_per_epoch
    for one, other in zip(whole[1:], later, strict=True):
        np.testing.assert_array_equal(one[1], other[1])
    for (_, shares, found), pairs in zip(whole, batches.plan(0), strict=True):
        assert shares.shape[0] == len(pairs)
        assert found.numpy().tolist() == [weights[pair] for pair in pairs]


@pytest.mark.parametrize(
    ("lengths", "ids", "probabilities"),
    [([2], [[5, 3]], [[1.0, 0.0]]), ([1], [[5, 3]], [[1.0]]), ([1], [5], [1.0])],
)
def test_distributions_have_an_entry_for_each_token(
    lengths: Any, ids: Any, probabilities: Any
) -> None:
    with pytest.raises(ValueError, match="must be \\[tokens, K\\]"):
        TokenDistributions(lengths, ids, probabilities)

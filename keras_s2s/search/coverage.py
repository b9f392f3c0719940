"""The coverage penalty of the beam search, which is off by default.

Source: Wu et al. 2016, eq. 14.
"""

from keras import ops

from keras_s2s.search.inputs import SearchInputs, Tensor
from keras_s2s.search.strategies import Beam

COVERAGE_FLOOR = 1e-10  # Keeps the penalty finite where the attention was exactly zero.


def first_coverage(search: Beam, inputs: SearchInputs) -> Tensor | None:
    """The attention received before the first step, `[B * K, S]`; None without the penalty."""
    if not search.coverage_penalty:
        return None
    source_length = ops.shape(inputs.source_mask)[1]
    return ops.zeros((inputs.batch_size * search.beam_size, source_length), dtype="float32")


def add_coverage(coverage: Tensor | None, weights: Tensor) -> Tensor | None:
    """The attention received so far, with that of one more step, `[B * K, S]`."""
    return None if coverage is None else coverage + ops.cast(weights, "float32")


def coverage_penalties(coverage: Tensor, source_mask: Tensor, search: Beam) -> Tensor:
    """Return cp of Wu et al. 2016, eq. 14, weighted, for each beam.

    Args:
        coverage: Attention received so far, float32 `[B * K, S]`.
        source_mask: bool `[B, S]`, True = real.
        search: Beam size and weight.

    Returns:
        float32 `[B, K]`, at most 0.
    """
    shape = (-1, search.beam_size, ops.shape(coverage)[1])
    logs = ops.log(ops.clip(ops.reshape(coverage, shape), COVERAGE_FLOOR, 1.0))
    real = ops.where(source_mask[:, None], logs, 0.0)
    return search.coverage_penalty * ops.sum(real, axis=-1)

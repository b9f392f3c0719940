"""How long a training will take, estimated before it begins."""

from __future__ import annotations

from keras_s2s.recipe.known import Known

# Share of the speed of large products that a training step reaches, recurrence included.
SHARE_OF_PEAK = 0.4


def seconds_of_steps(known: Known) -> float:
    """The duration of all steps of a training and its teachers, validation not included.

    The count is of multiplications by weights: for each token those of the gates, in the decoder
    also those of attention, readout and output. Forward and backward passes need six operations
    for each weight and token.

    Args:
        known: The data, the options, and the speed of the machine.

    Returns:
        Seconds; 0 where nothing can be measured.
    """
    if known.measure is None:
        return 0.0
    units, size, layers = known["units"], known["embedding_dimension"], known["num_layers"]
    directions = 2 if known["direction"] == "both" else 1
    hidden = units // directions
    source = directions * 4 * hidden * (size + hidden + (layers - 1) * (units + hidden))
    target = 4 * units * (size + units + (layers - 1) * 2 * units) + 3 * units**2
    is_tied = known["tie_embeddings"] != "none"
    target += (size if is_tied else units) * _output_size(known)
    weights = known.tokens("source") * source + known.tokens("target") * target
    speed = getattr(known.measure(known.rows, units), known["precision"])
    steps = known["steps"] or known["epochs"] * known.steps_per_epoch
    trainings = known["teachers"] + 1
    return 6 * known.rows * weights / (SHARE_OF_PEAK * speed) * steps * trainings


def _output_size(known: Known) -> int:
    target = known.profile.target
    kind = known.tokenizer("target")
    size = target.distinct_characters if kind == "character" else target.distinct_words
    return min(size, known["vocabulary_size"])

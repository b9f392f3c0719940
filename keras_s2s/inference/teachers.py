"""The distributions that teachers predict for given pairs, on which a student is trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from keras import ops

from keras_s2s.data.batches import Batches
from keras_s2s.data.distilled_batches import TokenDistributions
from keras_s2s.data.epochs import cut_batches
from keras_s2s.data.pairs import Pairs
from keras_s2s.data.pseudo_sources import pseudo_sources
from keras_s2s.data.rows import TokenRows
from keras_s2s.inference.bidirectional import decode_together
from keras_s2s.inference.ensemble import Ensemble
from keras_s2s.inference.forced_model import forced_steps, in_graph, log_probabilities_of
from keras_s2s.inference.translator import Translator
from keras_s2s.special_ids import PAD_ID

KEPT = 8  # Tokens of a distribution, besides that of the target.
BATCH_TOKENS = 4096


def read_teachers(
    teachers: Sequence[Translator],
    source_ids: list[list[int]],
    target_ids: list[list[int]],
    report: Callable[[str], None],
    kept: int = KEPT,
) -> TokenDistributions:
    """The mean distribution of some translators at each position of given targets.

    Args:
        teachers: Translators with the same tokenizers. Those that predict targets from right to
            left are left out, as their predictions depend on the tokens after a position.
        source_ids: Token ids of every source, without start and end tokens.
        target_ids: Likewise, of every target.
        report: Receives a progress message.
        kept: Number of tokens that are kept of each distribution besides that of the target: the
            most probable ones.

    Returns:
        For each position the probability of the target's token, and those of the most probable
        other ones.

    Raises:
        TypeError: There is no translator, or something else.
        ValueError: Their tokenizers differ, or all predict from right to left.
    """
    found = decode_together(teachers)
    translator = found if isinstance(found, Translator) else found.forward
    if translator.reverse_target:
        raise ValueError(
            "At least one teacher must predict targets from left to right. Received: only "
            "right-to-left teachers."
        )
    models = translator.models
    source, target = TokenRows("source_ids", source_ids), TokenRows("target_ids", target_ids)
    plan = Batches(source_ids, target_ids, batch_tokens=BATCH_TOKENS, shuffle=False).plan(0)
    plural = "" if len(models) == 1 else "s"
    words = f"{len(models)} left-to-right teacher{plural}"
    report(f"computing the predictions of {words} for {len(source_ids):,} pairs")
    kept = min(kept, models[0].decoder.vocabulary_size - 1)
    read = _reader(models[0] if len(models) == 1 else Ensemble(models), kept)
    ids = np.zeros((len(target.ids), kept + 1), np.int32)
    probabilities = np.zeros(ids.shape, np.float16)
    starts = np.cumsum(target.lengths) - target.lengths
    for pairs, ((batch, _), tokens) in zip(plan, cut_batches(source, target, plan), strict=True):
        own = [np.swapaxes(ops.convert_to_numpy(one), 0, 1) for one in read(batch, tokens)]
        real = tokens != PAD_ID  # [B, T]
        places = (starts[pairs][:, None] + np.arange(tokens.shape[1]))[real]
        ids[places], probabilities[places] = own[0][real], own[1][real]
    return TokenDistributions(target.lengths, ids, probabilities)


def pseudo_pairs(
    teachers: Sequence[Translator],
    pairs: Pairs,
    count: int,
    seed: int,
    report: Callable[[str], None],
) -> list[tuple[str, str]]:
    """Generated sources with their translations by an ensemble of teachers.

    Args:
        teachers: Translators with the same tokenizers.
        pairs: The pairs whose sources the generated ones resemble.
        count: Number of sources to generate, see `pseudo_sources`.
        seed: Seed of the draws.
        report: Receives a progress message.

    Returns:
        The pairs whose translation is not blank.
    """
    if not count:
        return []
    sources = pseudo_sources((source for source, _ in pairs), count, seed)
    some = ", ".join(sources[:3])
    report(f"the teachers translate {len(sources):,} generated sources, such as {some}")
    targets = decode_together(teachers).translate(sources)
    return [pair for pair in zip(sources, targets, strict=True) if pair[1].strip()]


def _reader(model: Any, kept: int) -> Callable[[Any, Any], Any]:
    """From a batch of sources and targets to ids and probabilities `[T, B, 1 + kept]`."""

    def look(logs: Any, token: Any, _: Any) -> tuple[Any, Any]:
        own = ops.expand_dims(log_probabilities_of(token, logs), -1)
        is_own = ops.one_hot(token, logs.shape[-1], dtype="bool")
        others, ids = ops.top_k(ops.where(is_own, -np.inf, logs), kept)
        both = ops.concatenate([own, others], axis=-1)
        ids = ops.concatenate([ops.expand_dims(token, -1), ops.cast(ids, "int32")], axis=-1)
        return ids, ops.exp(both)

    return in_graph(lambda source, target: forced_steps(model, source, target, look))

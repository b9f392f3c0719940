"""Given targets through the weights of a model: what `forced` asks of a trained translator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from keras import backend, ops

from keras_s2s.inference.ensemble import Ensemble
from keras_s2s.inference.forced_protocol import ForcedTarget
from keras_s2s.inference.length_batches import padded
from keras_s2s.layers.forks import check_not_forked
from keras_s2s.layers.scan import scan
from keras_s2s.model import Seq2Seq
from keras_s2s.special_ids import START_ID


def run_forced(model: Any, source: Any, target: Any, *, return_weights: bool = False) -> Any:
    """Read a batch of given targets, by the step that a search takes.

    No logits are kept: the memory does not grow with the size of the vocabulary times the length.

    Args:
        model: A `Seq2Seq`, or an `Ensemble`.
        source: int32 `[B, S]`, each row with its end mark, padded with 0.
        target: int32 `[B, T]`, likewise.
        return_weights: Whether to return attention weights.

    Returns:
        Log-probabilities of the tokens, float32 `[B, T]`, and the attention weights `[B, T, S]`, or
        `None`.
    """
    decoder = model.decoder
    memory, memory_mask, encoder_state = model.encoder(source, training=False)
    constants: tuple = ()
    if decoder.attention is not None:
        constants = (decoder.attention.project(memory), memory, memory_mask)
    weights = decoder.step_weights()
    tokens = ops.transpose(target)  # [T, B]
    before = ops.concatenate([ops.full_like(tokens[:1], START_ID), tokens[:-1]], axis=0)

    def step(state: Any, inputs: tuple, _: Any) -> tuple[Any, tuple]:
        token_before, token = inputs
        logits, state, attention = decoder.step(token_before, state, *constants, weights=weights)
        logs = ops.log_softmax(ops.cast(logits, "float32"))  # [B, V]
        found = ops.take_along_axis(logs, ops.expand_dims(token, -1), axis=-1)
        return state, (ops.squeeze(found, -1), attention if return_weights else None)

    start = decoder.initial_state(encoder_state, memory)
    _, (logs, attention) = scan(step, start, (before, tokens), ())
    attention = None if attention is None else ops.transpose(attention, (1, 0, 2))
    return ops.transpose(logs), attention


class ForcedModel:
    """Reads targets with the weights that models have now, see `ForcedBackend`.

    Args:
        models: One model, or those of an ensemble, in float32.
    """

    def __init__(self, models: Sequence[Seq2Seq]) -> None:
        check_not_forked()
        model = models[0] if len(models) == 1 else Ensemble(models)
        self.has_attention = model.decoder.attention is not None

        def run(source: Any, target: Any, attention: bool) -> Any:
            return run_forced(model, source, target, return_weights=attention)

        self._run = _in_graph(run) if backend.backend() == "tensorflow" else run

    def force(
        self, sources: list[list[int]], targets: list[list[int]], attention: bool
    ) -> Iterator[ForcedTarget]:
        """Compute a batch, see `ForcedBackend`."""
        logs, weights = self._run(padded(sources), padded(targets), attention)
        logs = ops.convert_to_numpy(logs)
        weights = None if weights is None else ops.convert_to_numpy(weights)
        for row, (source, target) in enumerate(zip(sources, targets, strict=True)):
            some = None
            if weights is not None:  # A copy, or the padding of the batch would live on with it.
                some = weights[row, : len(target), : len(source)].copy()
            yield ForcedTarget(logs[row, : len(target)].copy(), some)


def _in_graph(run: Any) -> Any:
    """One graph for batches of any shape, and another where there are attention weights."""
    import tensorflow as tf

    ids = tf.TensorSpec([None, None], tf.int32)  # pyright: ignore[reportArgumentType]

    def graph(attention: bool) -> Any:
        return tf.function(
            lambda source, target: run(source, target, attention),
            input_signature=[ids, ids],
            autograph=False,
        )

    graphs = {attention: graph(attention) for attention in (False, True)}
    return lambda source, target, attention: graphs[attention](source, target)

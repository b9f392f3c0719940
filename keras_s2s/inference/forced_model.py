"""Given targets through the weights of a model: what `forced` asks of a trained translator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
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

    def look(logs: Any, token: Any, attention: Any) -> tuple[Any, Any]:
        return log_probabilities_of(token, logs), attention if return_weights else None

    logs, attention = forced_steps(model, source, target, look)
    attention = None if attention is None else ops.transpose(attention, (1, 0, 2))
    return ops.transpose(logs), attention


def forced_steps(model: Any, source: Any, target: Any, look: Callable[..., Any]) -> Any:
    """Read a batch of given targets, and keep what a function takes from each position.

    Args:
        model: A `Seq2Seq`, or an `Ensemble`.
        source: int32 `[B, S]`, each row with its end mark, padded with 0.
        target: int32 `[B, T]`, likewise.
        look: From the log-probabilities of a position, float32 `[B, V]`, its token `[B]` and the
            attention weights `[B, S]` to tensors `[B, ...]`, in any structure.

    Returns:
        The same structure of tensors `[T, B, ...]`.
    """
    decoder = model.decoder
    memory, memory_mask, encoder_state = model.encoder(source, training=False)
    constants: tuple = ()
    if decoder.attention is not None:
        constants = (decoder.attention.project(memory), memory, memory_mask)
    weights = decoder.step_weights()
    tokens = ops.transpose(target)  # [T, B]
    before = ops.concatenate([ops.full_like(tokens[:1], START_ID), tokens[:-1]], axis=0)

    def step(state: Any, inputs: tuple, _: Any) -> tuple[Any, Any]:
        token_before, token = inputs
        logits, state, attention = decoder.step(token_before, state, *constants, weights=weights)
        logs = ops.log_softmax(ops.cast(logits, "float32"))  # [B, V]
        return state, look(logs, token, attention)

    start = decoder.initial_state(encoder_state, memory)
    return scan(step, start, (before, tokens), ())[1]


def log_probabilities_of(token: Any, logs: Any) -> Any:
    """Those of one token of each row, `[B]`, from those of all, `[B, V]`."""
    return ops.squeeze(ops.take_along_axis(logs, ops.expand_dims(token, -1), axis=-1), -1)


class ForcedModel:
    """Reads targets with the weights that models have now, see `ForcedBackend`.

    Args:
        models: One model, or those of an ensemble, in float32.
    """

    def __init__(self, models: Sequence[Seq2Seq]) -> None:
        check_not_forked()
        model = models[0] if len(models) == 1 else Ensemble(models)
        self.has_attention = model.decoder.attention is not None

        self._run = {
            weights: in_graph(partial(run_forced, model, return_weights=weights))
            for weights in (False, True)
        }

    def force(
        self, sources: list[list[int]], targets: list[list[int]], attention: bool
    ) -> Iterator[ForcedTarget]:
        """Compute a batch, see `ForcedBackend`."""
        logs, weights = self._run[attention](padded(sources), padded(targets))
        logs = ops.convert_to_numpy(logs)
        weights = None if weights is None else ops.convert_to_numpy(weights)
        for row, (source, target) in enumerate(zip(sources, targets, strict=True)):
            some = None
            if weights is not None:  # A copy, or the padding of the batch would live on with it.
                some = weights[row, : len(target), : len(source)].copy()
            yield ForcedTarget(logs[row, : len(target)].copy(), some)


def in_graph(run: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """A function of sources and targets as one graph for batches of any shape, in TensorFlow."""
    if backend.backend() != "tensorflow":
        return run
    import tensorflow as tf

    ids = tf.TensorSpec([None, None], tf.int32)  # pyright: ignore[reportArgumentType]
    return tf.function(run, input_signature=[ids, ids], autograph=False)

"""Several models that decode as one: an ensemble has the interface of a model for the search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from keras import ops

if TYPE_CHECKING:
    from keras_s2s.model import Seq2Seq


class Ensemble:
    """Models whose probabilities are averaged at every step.

    With a tuple for each tensor of a model, one entry from each::

        P(y) = mean over the models of softmax(logits(y))

    The attention weights are the mean over the models that have attention.

    Args:
        models: Models with the same vocabularies; everything else may differ.

    Example:
        >>> import numpy as np
        >>> from keras_s2s import Decoder, Encoder, LuongAttention, Seq2Seq
        >>> models = [
        ...     Seq2Seq(Encoder(9, units), Decoder(9, units, attention=LuongAttention(units)))
        ...     for units in (4, 8)
        ... ]
        >>> from keras_s2s.inference.model_search import run_search
        >>> found = run_search(Ensemble(models), np.array([[5, 3]]), np.array([6]))
        >>> tuple(found.ids.shape[:2])
        (1, 1)

    Source: Sutskever et al. 2014, section 3.6; Luong et al. 2015, section 4.2 (of models with
    different attention).
    """

    def __init__(self, models: Sequence[Any]) -> None:
        self.encoder = _Encoders([model.encoder for model in models])
        self.decoder = _Decoders([model.decoder for model in models])


def only_model(models: Sequence[Seq2Seq]) -> Seq2Seq:
    """The model of a translator that has one.

    Raises:
        ValueError: It has several.
    """
    first, *others = models
    if others:
        raise ValueError(
            "An ensemble is not one model, and can only translate: it cannot be saved, "
            f"exported or averaged. Received: an ensemble of {len(models)} models. Take "
            "the translators that it was made of."
        )
    return first


class _Encoders:
    def __init__(self, encoders: list[Any]) -> None:
        self._encoders = encoders

    def __call__(self, source: Any, training: bool = False) -> tuple[tuple, Any, tuple]:
        """The memories, the mask or the ids that all of them share, and the final states."""
        encoded = [encoder(source, training=training) for encoder in self._encoders]
        memories, masks, states = zip(*encoded, strict=True)
        ids = [mask for mask in masks if "int" in str(mask.dtype)]  # For those that copy.
        return memories, (ids or masks)[0], states


class _Attentions:
    def __init__(self, attentions: list[Any]) -> None:
        self._attentions = attentions

    def project(self, memories: tuple) -> tuple:
        """The keys of each model; `()` where there is no attention."""
        both = zip(self._attentions, memories, strict=True)
        return tuple(() if one is None else one.project(memory) for one, memory in both)


class _Decoders:
    def __init__(self, decoders: list[Any]) -> None:
        self._decoders = decoders
        attentions = [decoder.attention for decoder in decoders]
        has_some = any(attention is not None for attention in attentions)
        self.attention = _Attentions(attentions) if has_some else None

    def step_weights(self) -> tuple:
        """The matrices of the decoding step, of each model."""
        return tuple(decoder.step_weights() for decoder in self._decoders)

    def initial_state(self, encoder_states: tuple, memories: tuple) -> tuple:
        """The states before the first token."""
        each = zip(self._decoders, encoder_states, memories, strict=True)
        return tuple(decoder.initial_state(state, memory) for decoder, state, memory in each)

    def step(
        self,
        token: Any,
        states: tuple,
        keys: tuple | None = None,
        memories: tuple | None = None,
        memory_mask: Any = None,
        weights: tuple | None = None,
    ) -> tuple[Any, tuple, Any]:
        """One target token; as `Decoder.step`, with a tuple for each tensor."""
        nothing = (None,) * len(self._decoders)
        found = []
        for decoder, state, key, memory, made in zip(
            self._decoders,
            states,
            keys or nothing,
            memories or nothing,
            weights or nothing,
            strict=True,
        ):
            constants = () if decoder.attention is None else (key, memory, memory_mask)
            found.append(decoder.step(token, state, *constants, weights=made))
        logits, states, weights = zip(*found, strict=True)
        seen = [one for one in weights if one is not None]
        mean = sum(ops.cast(one, "float32") for one in seen) / len(seen) if seen else None
        return _logits_of_mean(logits), states, mean


def _logits_of_mean(logits: Sequence[Any]) -> Any:
    """Logits, float32 `[N, V]`, whose softmax is the mean of the models' probabilities."""
    logs = [ops.log_softmax(ops.cast(one, "float32")) for one in logits]
    return ops.logsumexp(ops.stack(logs), axis=0)

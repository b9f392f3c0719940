"""The contract: two functions of fixed signature, which every format exports.

`encode` runs once per sentence, `decode_step` once per token. Tensors that a model does not have
are left out: `memory`, `length` and `attention` without attention, `keys` if they are the memory,
`source_ids` unless the decoder copies.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from keras import backend, ops

from keras_s2s.layers.copying import CopyingDecoder
from keras_s2s.search.structure import flatten, pack
from keras_s2s.special_ids import END_ID, PAD_ID, UNK_ID


class Contract:
    """The two functions of a model: `encode` and `decode_step`.

    Args:
        model: A `Seq2Seq` that computes in float32.
        unroll: Whether to unroll the encoder's loops; S must be static then.
        weights: `model.decoder.step_weights()`, computed in advance; `None` to compute them in
            every step.

    Raises:
        ValueError: The model computes in another dtype, or Keras runs on another backend.

    Example:
        >>> import numpy as np
        >>> from keras_s2s import Decoder, Encoder, LuongAttention, Seq2Seq
        >>> decoder = Decoder(vocabulary_size=30, units=8, attention=LuongAttention(8))
        >>> contract = Contract(Seq2Seq(Encoder(vocabulary_size=20, units=8), decoder))
        >>> found = contract.encode(np.array([[5, 6, 3, 0]]), np.array([3]))
        >>> {name: tuple(value.shape) for name, value in found.items()}
        {'memory': (1, 4, 8), 'keys': (1, 4, 8), 'state': (1, 16)}
        >>> found = contract.decode_step(np.array([2]), np.array([3]), **found)
        >>> {name: tuple(value.shape) for name, value in found.items()}
        {'next_token': (1,), 'logits': (1, 30), 'next_state': (1, 16), 'attention': (1, 4)}
    """

    def __init__(self, model: Any, *, unroll: bool = False, weights: Any = None) -> None:
        if backend.backend() != "tensorflow":
            raise ValueError(
                "Exports are made with Keras on TensorFlow: set KERAS_BACKEND=tensorflow and load "
                f"the translator there. Received: Keras on {backend.backend()}"
            )
        dtypes = {layer.compute_dtype for layer in (model.encoder, model.decoder)}
        if dtypes != {"float32"}:
            raise ValueError(
                "A model is exported in float32; `model.with_dtype('float32')` makes a copy. "
                f"Received: a model that computes in {sorted(dtypes)}"
            )
        self.encoder, self.decoder = model.encoder, model.decoder
        self.unroll, self.weights = unroll, weights
        attention = model.decoder.attention
        self.has_attention = attention is not None
        self.has_keys = self.has_attention and attention.changes_memory
        self.copies = isinstance(model.decoder, CopyingDecoder)
        self._structure = model.decoder.stack.zeros(1)
        self._sizes = [part.shape[-1] for part in flatten(self._structure)]

    @property
    def state_size(self) -> int:
        """Size N of a packed state."""
        return sum(self._sizes)

    def signatures(
        self, batch: int | None = None, length: int | None = None
    ) -> dict[str, dict[str, tuple]]:
        """Shapes and dtypes of the inputs of both functions, by name.

        Args:
            batch: B, or `None` if dynamic.
            length: S, or `None` if dynamic.
        """
        ids, vector = tf.int32, ([batch], tf.int32)
        source = {"tokens": ([batch, length], ids), "length": vector}
        made = self.encode(tf.ones([1, 1], ids), tf.ones([1], ids))
        fixed: dict[str, tuple] = {"length": vector} if self.has_attention else {}
        for name in ("memory", "keys", "source_ids"):
            if name in made:
                fixed[name] = ([batch, length, made[name].shape[-1]], tf.float32)
        fixed["state"] = ([batch, self.state_size], tf.float32)
        return {"encode": source, "decode_step": {"token": vector, **fixed}}

    def encode(self, tokens: Any, length: Any) -> dict[str, Any]:
        """Encode sentences.

        Args:
            tokens: int32 `[B, S]`, each row with its end mark; tokens after `length` are ignored.
            length: int32 `[B]`, the number of tokens of each row, from 1 to S.

        Returns:
            `memory` `[B, S, U]`, `keys` `[B, S, A]`, `source_ids` as floats `[B, S, 1]`, and the
            packed `state` `[B, N]`.
        """
        source = ops.where(_real(tokens, length), tokens, PAD_ID)
        how = {"unroll": True} if self.unroll else {}
        memory, _, encoder_state = self.encoder(source, **how)
        found = {}
        if self.has_attention:
            found["memory"] = memory
        if self.has_keys:
            found["keys"] = self.decoder.attention.project(memory)
        if self.copies:  # Of the type and the rank of the other two: exact below 2 ** 24.
            found["source_ids"] = ops.cast(source, "float32")[:, :, None]
        state = _pack(self.decoder.initial_state(encoder_state, memory))
        if self.decoder.bridge.kind == "zeros":
            # LiteRT does not support constant outputs; lengths are never negative.
            state += ops.cast(ops.minimum(length, 0), state.dtype)[:, None]
        return {**found, "state": state}

    def decode_step(
        self,
        token: Any,
        length: Any = None,
        memory: Any = None,
        keys: Any = None,
        source_ids: Any = None,
        state: Any = None,
    ) -> dict[str, Any]:
        """Compute one decoding step.

        Args:
            token: int32 `[B]`, the previous token, at first the start mark.
            length: int32 `[B]`, as for `encode`.
            memory: `[B, S, U]`.
            keys: `[B, S, A]`.
            source_ids: `[B, S, 1]`.
            state: `[B, N]`, from `encode` or the previous step.

        Returns:
            `next_token` int32 `[B]`, the most likely one except padding and start mark; `logits`
            `[B, V]`, `next_state` `[B, N]` and `attention` `[B, S]`.
        """
        attended = ()
        if self.has_attention:
            mask = _real(memory[..., 0], length)
            if self.copies:
                mask = ops.cast(source_ids[:, :, 0], "int32")
            attended = (memory if keys is None else keys, memory, mask)
        logits, after, weights = self.decoder.step(
            token, self._unpack(state), *attended, weights=self.weights
        )
        found = {
            "next_token": _likeliest(logits),
            "logits": logits,
            "next_state": _pack(after),
        }
        return {**found, "attention": weights} if self.has_attention else found

    def _unpack(self, state: Any) -> Any:
        parts = tf.split(state, self._sizes, axis=-1)
        return pack(self._structure, parts)


def shapes(tensors: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Dtypes and shapes of tensors by name, for the manifest; `None` for a dynamic dimension."""
    return {
        name: {"dtype": tensor.dtype.name, "shape": list(tensor.shape)}
        for name, tensor in sorted(tensors.items())
    }


def _real(like: Any, length: Any) -> Any:
    """Boolean `[B, S]`: True for a real token."""
    positions = ops.arange(ops.shape(like)[1], dtype="int32")
    return positions[None] < ops.expand_dims(ops.cast(length, "int32"), 1)


def _pack(state: Any) -> Any:
    return ops.concatenate(flatten(state), axis=-1)


def _likeliest(logits: Any) -> Any:
    """The best id except padding (0) and start mark (2); of equal ones, the lowest."""
    others = logits[:, END_ID:]
    # `keras.ops.argmax` treats -0.0 specially, by operations that LiteRT does not have.
    best = tf.argmax(others, axis=-1, output_type=tf.int32) + END_ID
    is_unknown = logits[:, UNK_ID] >= ops.max(others, axis=-1)
    return ops.where(is_unknown, UNK_ID, best)

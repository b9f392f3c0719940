"""The model: an encoder and a decoder, joined by Keras' functional API."""

from __future__ import annotations

from typing import Any

import keras

from keras_s2s.layers import copying  # noqa: F401  What a saved model names.
from keras_s2s.layers.base_model import BaseModel
from keras_s2s.layers.checks import check_kind
from keras_s2s.layers.decoder import Decoder
from keras_s2s.layers.encoder import Encoder


@keras.saving.register_keras_serializable("keras_s2s")
class Seq2Seq(BaseModel):
    """A sequence-to-sequence model that trains with `fit`.

    Args:
        encoder: An `Encoder`, or a layer of one's own: its call takes the source, `training` and,
            for exports, `unroll`, and returns a memory `[B, S, M]`, a boolean mask `[B, S]` and a
            state, for each layer a tuple of parts `[B, U]`. A method `make_input(name)` returns the
            `keras.Input` of the source where it is not int32 `[B, S]`, such as float features.
        decoder: The `Decoder`.
        share_embeddings: Use the encoder's embedding in the decoder too, for a joint vocabulary;
            with `tie_embeddings` of the decoder one matrix serves source, target and output.
        name: Name of the model.

    Call arguments:
        inputs: The pair `(source, target_in)`: int32 `[B, S]` and `[B, T]`, padded with 0 on the
            right. A source ends with the end token (3), a target begins with the start token (2).

    Returns:
        Logits `[B, T, V]`.

    Example:
        >>> import numpy as np
        >>> from keras_s2s.layers.luong import LuongAttention
        >>> encoder = Encoder(vocabulary_size=20, units=8)
        >>> decoder = Decoder(vocabulary_size=30, units=8, attention=LuongAttention(8))
        >>> model = Seq2Seq(encoder, decoder)
        >>> tuple(model((np.array([[5, 6, 3]]), np.array([[2, 7]]))).shape)
        (1, 2, 30)

    Raises:
        TypeError: `encoder` is no layer, or `decoder` no `Decoder`.
        ValueError: Embeddings of different sizes, or of a decoder that is built, cannot be shared.

    Source: Sutskever et al. 2014; Bahdanau et al. 2015; Luong et al. 2015; one embedding for
    source, target and output: Press and Wolf 2017, section 4.
    """

    def __init__(
        self,
        encoder: Encoder | keras.layers.Layer,
        decoder: Decoder,
        share_embeddings: bool = False,
        name: str = "seq2seq",
    ) -> None:
        words = "a keras_s2s.Encoder, or another layer that returns memory, memory_mask and state"
        check_kind("encoder", encoder, keras.layers.Layer, words)
        check_kind("decoder", decoder, Decoder, "a keras_s2s.Decoder")
        if share_embeddings:
            decoder = decoder.with_embedding(encoder.embedding)
        make_input = getattr(encoder, "make_input", None)
        source = (
            keras.Input((None,), dtype="int32", name="source")
            if make_input is None
            else make_input("source")
        )
        target_in = keras.Input((None,), dtype="int32", name="target_in")
        memory, memory_mask, encoder_state = encoder(source)
        logits = decoder(target_in, encoder_state, memory, memory_mask)
        super().__init__(inputs=(source, target_in), outputs=logits, name=name)
        self.encoder = encoder
        self.decoder = decoder
        self.share_embeddings = share_embeddings
        # Keras scales the loss of a model in float16, and asks the model.
        self.dtype_policy = decoder.dtype_policy

    def get_config(self) -> dict[str, Any]:
        """The encoder and the decoder, as plain values."""
        names = ("encoder", "decoder", "share_embeddings", "name")
        return {name: keras.saving.serialize_keras_object(getattr(self, name)) for name in names}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> Seq2Seq:
        """A model from `get_config`."""
        # Keras would build the decoder at once, with an embedding of its own.
        unbuilt = {key: part for key, part in config["decoder"].items() if key != "build_config"}
        config = {**config, "decoder": unbuilt}
        encoder, decoder = (
            keras.saving.deserialize_keras_object(config[key], custom_objects=custom_objects)
            for key in ("encoder", "decoder")
        )
        rest = {name: config[name] for name in ("share_embeddings", "name") if name in config}
        return cls(encoder, decoder, **rest)

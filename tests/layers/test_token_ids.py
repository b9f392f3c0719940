"""Ids outside of the vocabulary: a clear error wherever a value is known."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from keras_s2s.layers.decoder import Decoder
from keras_s2s.layers.encoder import Encoder
from keras_s2s.layers.luong import LuongAttention
from keras_s2s.layers.token_ids import check_token_ids


@pytest.mark.parametrize("ids", [[[0, 9]], [], [[2.5]], [[30.0]]])
def test_ids_of_the_vocabulary_and_what_is_no_id_pass(ids: list) -> None:
    check_token_ids("source", np.array(ids), 10)


def test_ids_pass_where_there_is_no_vocabulary() -> None:
    check_token_ids("source", np.array([[100]]), None)


def test_symbols_pass() -> None:
    check_token_ids("source", keras.KerasTensor((None, None), "int32"), 10)


@pytest.mark.parametrize(
    ("wrong", "received"), [(10, "id 10"), (2**31 - 1, "id 2147"), (-1, "id -1")]
)
def test_an_id_outside_of_the_vocabulary_is_named(wrong: int, received: str) -> None:
    with pytest.raises(ValueError, match=f"vocabulary, 10. Received: {received}.* in `source`"):
        check_token_ids("source", np.array([[5, wrong, 3]]), 10)


@pytest.mark.parametrize("kind", ["int32", "int64"])
def test_layers_refuse_ids_outside_of_the_vocabulary(kind: str) -> None:
    encoder = Encoder(10, 4)
    decoder = Decoder(12, 4, attention=LuongAttention(4))
    memory, memory_mask, state = encoder(np.array([[5, 3]], kind))
    with pytest.raises(ValueError, match="Received: id 10 in `source`"):
        encoder(np.array([[10, 3]], kind))
    with pytest.raises(ValueError, match="Received: id -2 in `target_in`"):
        decoder(np.array([[2, -2]], kind), state, memory, memory_mask)

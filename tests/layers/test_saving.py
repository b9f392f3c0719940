from typing import Any

import keras
import numpy as np
import pytest

from keras_s2s.layers.decoder import Decoder
from keras_s2s.layers.encoder import Encoder
from keras_s2s.layers.luong import LuongAttention
from keras_s2s.layers.rnn import RNNCell
from keras_s2s.layers.scheduled_sampling import ScheduledSampling


@keras.saving.register_keras_serializable("tests")
class OwnCell(RNNCell):
    pass


class OwnEncoder(Encoder):
    """An encoder with an argument more, which hands the others on."""

    def __init__(self, vocabulary_size: int, language: str = "en", **kwargs: Any) -> None:
        super().__init__(vocabulary_size, **kwargs)
        self.language = language


def test_an_encoder_is_saved_as_all_of_its_arguments() -> None:
    given: dict[str, Any] = {
        "vocabulary_size": 9,
        "units": 6,
        "embedding_dimension": 5,
        "num_layers": 3,
        "cell": "gru",
        "bidirectional": False,
        "alternating": True,
        "reverse_source": True,
        "residual": True,
        "dropout": 0.1,
        "word_dropout": 0.2,
        "name": "reader",
        "trainable": False,
    }
    config = Encoder(**given, dtype="mixed_bfloat16").get_config()
    assert config.pop("dtype")["config"] == {"name": "mixed_bfloat16"}
    assert config == given


def test_a_decoder_is_saved_as_all_of_its_arguments() -> None:
    plain: dict[str, Any] = {
        "vocabulary_size": 9,
        "units": 6,
        "embedding_dimension": 5,
        "num_layers": 2,
        "cell": "gru",
        "input_feeding": True,
        "bridge": "zeros",
        "tie_embeddings": True,
        "residual": True,
        "dropout": 0.1,
        "word_dropout": 0.2,
        "name": "writer",
        "trainable": False,
    }
    sampling = ScheduledSampling("linear", 1.0, 0.1)
    decoder = Decoder(**plain, attention=LuongAttention(6), scheduled_sampling=sampling)
    config = decoder.get_config()
    again = Decoder.from_config(config)
    assert {name: config[name] for name in plain} == plain
    assert again.get_config() == config
    assert isinstance(again.attention, LuongAttention)
    assert isinstance(again.scheduled_sampling, ScheduledSampling)


def test_a_registered_class_of_cells_is_saved_by_its_name() -> None:
    config = Encoder(9, 6, cell=OwnCell).get_config()
    assert config["cell"] == "tests>OwnCell"
    assert Encoder.from_config(config).cell is OwnCell


def test_a_subclass_saves_its_own_arguments_and_those_that_it_hands_on() -> None:
    encoder = OwnEncoder(9, language="ko", units=6, dropout=0.3)
    again = OwnEncoder.from_config(encoder.get_config())
    assert (again.language, again.units, again.dropout) == ("ko", 6, 0.3)
    assert again.get_config() == encoder.get_config()


def test_a_configuration_of_plain_values_is_read() -> None:
    encoder = Encoder.from_config({"vocabulary_size": 9, "units": 6, "dtype": "float16"})
    assert encoder.compute_dtype == "float16"
    assert np.shape(encoder(np.array([[5, 3]]))[0]) == (1, 2, 6)


def test_a_cell_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="must be registered.*Received: cell='Unknown'"):
        Encoder.from_config({"vocabulary_size": 9, "units": 6, "cell": "Unknown"})

"""The options of a model, each stated once."""

from __future__ import annotations

from dataclasses import dataclass

from keras_s2s.text.option_fields import POSITIVE, at_most, documented, need, option
from keras_s2s.text.options import TextOptions


@documented
@dataclass(frozen=True, kw_only=True)
class ModelOptions(TextOptions):
    """What model is built, and how texts become its ids.

    Raises:
        TypeError: An option is of another type.
        ValueError: An option is out of range, or would be ignored.

    Example:
        >>> ModelOptions(attention="bahdanau").units
        512
    """

    cell: str = option(
        "lstm",
        help="Type of the recurrent cells.",
        group="model",
        choices=("lstm", "layer_norm_lstm", "gru", "rnn"),
    )
    units: int = option(
        512,
        help="Size of the hidden states; of both directions together in a bidirectional encoder.",
        group="model",
        bounds=(POSITIVE, at_most(100_000)),
    )
    embedding_dimension: int = option(
        256,
        help="Size of the embeddings.",
        group="model",
        bounds=(POSITIVE, at_most(100_000)),
    )
    num_layers: int = option(
        1,
        help="Number of recurrent layers in the encoder and in the decoder.",
        group="model",
        bounds=(POSITIVE, at_most(100)),
    )
    direction: str = option(
        "both",
        help="Direction in which the encoder reads the source; reversed reads it from the end,"
        " alternating changes the direction from layer to layer.",
        group="model",
        choices=("both", "forward", "reversed", "alternating"),
    )
    residual: bool = option(
        False,
        help="Add a layer's input to its output, from the second layer on.",
        group="model",
    )
    bridge: str = option(
        "dense",
        help="Initial state of the decoder: the encoder's final state after a dense layer, a copy"
        " of that state, or zeros.",
        group="model",
        choices=("dense", "copy", "zeros"),
    )
    attention: str = option(
        "luong",
        help="Attention mechanism; none for an encoder-decoder without attention.",
        group="model",
        choices=(
            "luong",
            "bahdanau",
            "normalized_bahdanau",
            "monotonic_luong",
            "monotonic_bahdanau",
            "none",
        ),
    )
    score: str = option(
        "general",
        help="Score function of Luong attention, also of the monotonic one.",
        group="model",
        choices=("dot", "scaled_dot", "general", "concat", "location"),
        only_with=("attention", ("luong", "monotonic_luong")),
    )
    local: str | None = option(
        None,
        help="Local attention: attend only to a window around a monotonic or a predicted source"
        " position. Requires Luong attention.",
        group="model",
        choices=("monotonic", "predictive", None),
    )
    window: int = option(
        10,
        help="Number of tokens on each side of the center of the window of local attention.",
        group="model",
        bounds=(POSITIVE, at_most(1_000_000)),
        only_with=("local", ("monotonic", "predictive")),
    )
    maximum_source_length: int = option(
        128,
        help="Number of source positions that the location score covers; later positions get no"
        " weight.",
        group="model",
        bounds=(POSITIVE, at_most(1_000_000)),
        only_with=("score", ("location",)),
    )
    input_feeding: bool = option(
        False,
        help="Feed the attentional vector of each step into the next step (Luong 2015); training"
        " is slower.",
        group="model",
    )
    copying: bool = option(
        False,
        help="Copying attention (See 2017): the decoder can copy tokens of the source; needs a"
        " joint vocabulary.",
        group="model",
    )
    reverse_target: bool = option(
        False,
        help="Predict targets from their last token to the first, for ensembles with models that"
        " predict them from left to right.",
        group="model",
    )
    tie_embeddings: str = option(
        "two",
        help="Share one embedding matrix: two shares it between target embedding and output layer,"
        " three with the source embedding as well, which needs a joint vocabulary.",
        group="model",
        choices=("none", "two", "three"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        is_even = self.units % 2 == 0 or self.direction != "both"
        need(is_even, "even: each direction has half", "units", self.units)
        is_fed = self.input_feeding and self.attention == "none"
        words = "left out where there is no attention to feed"
        need(not is_fed, words, "input_feeding", self.input_feeding)
        is_fed = self.input_feeding and self.attention.startswith("monotonic")
        need(not is_fed, "left out with monotonic attention", "input_feeding", self.input_feeding)
        is_luong = self.local is None or self.attention == "luong"
        need(is_luong, "left out where the attention is not luong", "local", self.local)
        reads_memory = self.score != "location" or self.attention == "luong"
        words = "one that reads the memory with monotonic attention"
        need(reads_memory, words, "score", self.score)
        is_one = self.tie_embeddings != "three" or self.has_joint_vocabulary
        words = "none or two without one SentencePiece vocabulary for both sides"
        need(is_one, words, "tie_embeddings", self.tie_embeddings)
        can_copy = self.attention != "none" and self.has_joint_vocabulary
        words = "left out without attention or without one SentencePiece vocabulary for both sides"
        need(can_copy or not self.copying, words, "copying", self.copying)
        has_start = self.bridge != "zeros" or self.attention != "none"
        need(has_start, "dense or copy where there is no attention", "bridge", self.bridge)

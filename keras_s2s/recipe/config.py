"""The options of a training, each stated once."""

from __future__ import annotations

from dataclasses import Field, asdict, dataclass, fields
from typing import Any

from keras_s2s.text.options import FORMS, TOKENIZERS, TextOptions

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
CHOICES = {
    "source_tokenizer": TOKENIZERS,
    "target_tokenizer": (*TOKENIZERS, None),
    "source_normalization": FORMS,
    "target_normalization": FORMS,
    "cell": ("lstm", "layer_norm_lstm", "gru", "rnn"),
    "direction": ("both", "forward", "reversed", "alternating"),
    "bridge": ("dense", "copy", "zeros"),
    "attention": ("luong", "bahdanau", "normalized_bahdanau", "none"),
    "score": ("dot", "scaled_dot", "general", "concat", "location"),
    "local": ("monotonic", "predictive", None),
    "tie_embeddings": ("none", "two", "three"),
    "scheduled_sampling": ("linear", "exponential", "inverse_sigmoid", None),
    "choose_by": ("perplexity", "sequence_accuracy"),
    "precision": tuple(POLICIES),
}


MOST: dict[str, float] = {
    "vocabulary_size": 1_000_000,
    "units": 100_000,
    "embedding": 100_000,
    "layers": 100,
    "window": 1_000_000,
    "places": 1_000_000,
    "sampling_steps": 10_000_000,
    "accumulation": 1_000_000,
    "clip_norm": 1e30,
    "batch_tokens": 10_000_000,
    "epochs": 1_000_000,
    "patience": 1_000_000,
    "learning_rate": 1e30,
}


KINDS: dict[str, Any] = {"str": str, "int": int, "float": (int, float), "bool": bool}


# What counts only where another option says so; elsewhere a change of it would be ignored.
ONLY_WITH: dict[str, tuple[str, tuple]] = {
    "score": ("attention", ("luong",)),
    "window": ("local", ("monotonic", "predictive")),
    "places": ("score", ("location",)),
    "sampling_steps": ("scheduled_sampling", ("linear", "exponential", "inverse_sigmoid")),
    "batch_tokens": ("batch_sentences", (None,)),
}


SHARES = ("dropout", "word_dropout", "label_smoothing", "averaging")


@dataclass(frozen=True, kw_only=True)
class Recipe(TextOptions):
    """How to train; the defaults suit 30,000 to 200,000 sentences on two cores.

    Attributes:
        source_tokenizer: "sentencepiece", "word" or "character".
        target_tokenizer: The same; `None` for the source's kind.
        vocabulary_size: Most ids of a tokenizer.
        joint_vocabulary: One tokenizer for both sides, trained on both, where their kinds agree.
        source_normalization: Unicode form of the source: "NFC", "NFKC" or "NFD".
        target_normalization: The same for the target.
        subword_sampling: How sharply SentencePiece's segmentations are drawn anew in each epoch
            (alpha of Kudo 2018); 0 for always the best one.
        cell: "lstm", "layer_norm_lstm", "gru" or "rnn".
        units: Size of the hidden states.
        embedding: Size of the embeddings.
        layers: Number of recurrent layers on each side.
        direction: How the encoder reads: "both" ways, "forward", "reversed" (from the end of the
            source), or in layers of "alternating" directions.
        residual: Whether a layer's input is added to its output, from the second layer on.
        bridge: From the encoder's last state to the decoder's first: "dense", "copy" or "zeros".
        attention: "luong", "bahdanau", "normalized_bahdanau" or "none".
        score: Luong's score: "dot", "scaled_dot", "general", "concat" or "location".
        local: Luong's local attention: "monotonic", "predictive" or `None` for the global one.
        window: Tokens that local attention reads on either side of its middle.
        places: Source tokens that "location" knows, from the first.
        input_feeding: Whether the attentional vector is fed to the next step.
        tie_embeddings: In how many places one embedding stands: "none" for one, "two" (target and
            output), or "three" (source as well, with a joint vocabulary).
        dropout: Probability of dropping an element.
        word_dropout: Probability of hiding a whole token, on both sides.
        scheduled_sampling: Train on the model's own answers too, more and more of them, by a decay:
            "linear", "exponential", "inverse_sigmoid", or `None` for the target alone.
        sampling_steps: Batches after which half of the target's tokens are replaced; "linear" goes
            on to three of four, the others further.
        label_smoothing: Share of the probability spread over all ids.
        batch_tokens: Target tokens in a batch, padding included.
        batch_sentences: Pairs in a batch, instead; `None` for tokens.
        jitter: How much longer a length may count, as a fraction, where pairs of like lengths are
            put together. A few thousand pairs learn better from mixed batches, such as 10 gives.
        epochs: Epochs at most.
        minutes: Minutes of training at most; `None` for no bound.
        patience: Epochs without a better validation before training stops.
        choose_by: What the best weights have on the validation's pairs: the lowest "perplexity", or
            the highest "sequence_accuracy", the share of the pairs that are right as a whole.
        learning_rate: Peak of the learning rate.
        clip_norm: Longest gradient, over all weights.
        accumulation: Batches whose gradients make one step of the optimizer.
        averaging: Largest momentum of the moving average of the weights that is validated and
            kept, see `CompiledAdam`.
        precision: "float32", "bfloat16" or "float16".
        seed: Seed of weights, dropout, sampling and the order of batches.

    Raises:
        TypeError: An option is of another type.
        ValueError: An option is out of range, or would be ignored.

    Example:
        >>> Recipe(cell="gru", units=256).cell
        'gru'
    """

    subword_sampling: float = 0.3
    cell: str = "lstm"
    units: int = 512
    embedding: int = 256
    layers: int = 1
    direction: str = "both"
    residual: bool = False
    bridge: str = "dense"
    attention: str = "luong"
    score: str = "general"
    local: str | None = None
    window: int = 10
    places: int = 128
    input_feeding: bool = False
    tie_embeddings: str = "two"
    dropout: float = 0.4
    word_dropout: float = 0.0
    scheduled_sampling: str | None = None
    sampling_steps: int = 2000
    label_smoothing: float = 0.1
    batch_tokens: int = 2048
    batch_sentences: int | None = None
    jitter: float = 0.05
    epochs: int = 30
    minutes: float | None = None
    patience: int = 6
    choose_by: str = "perplexity"
    learning_rate: float = 2e-3
    clip_norm: float = 1.0
    accumulation: int = 1
    averaging: float = 0.998
    precision: str = "float32"
    seed: int = 1

    def __post_init__(self) -> None:
        given = asdict(self)
        for field in fields(self):
            _check_type(field, given[field.name])
        for name, allowed in CHOICES.items():
            _need(given[name] in allowed, f"one of {allowed}", name, given)
        for name, most in MOST.items():
            _need(given[name] > 0, "positive", name, given)
            _need(given[name] <= most, f"at most {most:,}", name, given)
        for name in SHARES:
            _need(0 <= given[name] < 1, "at least 0 and below 1", name, given)
        _need(self.vocabulary_size >= 5, "at least 5", "vocabulary_size", given)
        is_even = self.units % 2 == 0 or self.direction != "both"
        _need(is_even, "even: each direction has half", "units", given)
        _need(0 <= self.subword_sampling <= 1, "from 0 to 1", "subword_sampling", given)
        _need(self.minutes is None or self.minutes > 0, "positive", "minutes", given)
        _need((self.minutes or 1) <= 1e6, "at most 1,000,000", "minutes", given)
        is_count = self.batch_sentences is None or 0 < self.batch_sentences <= MOST["batch_tokens"]
        _need(is_count, f"from 1 to {MOST['batch_tokens']:,}", "batch_sentences", given)
        _need(0 <= self.jitter <= 1000, "from 0 to 1000", "jitter", given)
        _need(0 <= self.seed < 2**31, "from 0 to 2**31 - 1", "seed", given)
        for name, (other, values) in ONLY_WITH.items():
            is_used = given[name] == getattr(Recipe, name) or given[other] in values
            need = f"left alone where `{other}` is not one of {values}"
            _need(is_used, need, name, given)
        is_fed = self.input_feeding and self.attention == "none"
        _need(not is_fed, "False where there is no attention to feed", "input_feeding", given)
        is_luong = self.local is None or self.attention == "luong"
        _need(is_luong, "None where the attention is not luong", "local", given)
        is_one = self.tie_embeddings != "three" or self.has_joint_vocabulary
        need = "none or two without one SentencePiece vocabulary for both sides"
        _need(is_one, need, "tie_embeddings", given)
        has_start = self.bridge != "zeros" or self.attention != "none"
        _need(has_start, "dense or copy where there is no attention", "bridge", given)


def _check_type(field: Field, value: Any) -> None:
    """Raise TypeError unless a value is of its field's type, such as "int | None"."""
    kind, *rest = str(field.type).split(" | ")
    is_right = isinstance(value, KINDS[kind]) and (kind == "bool") == isinstance(value, bool)
    if not is_right and not (rest and value is None):
        raise TypeError(f"`{field.name}` must be {field.type}. Received: {field.name}={value!r}")


def _need(is_right: bool, need: str, name: str, given: dict[str, Any]) -> None:
    if not is_right:
        raise ValueError(f"`{name}` must be {need}. Received: {name}={given[name]!r}")

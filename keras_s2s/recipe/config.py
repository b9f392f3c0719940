"""The options of a training, each stated once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from keras_s2s.recipe.model_options import ModelOptions
from keras_s2s.recipe.old_names import renamed
from keras_s2s.text.option_fields import (
    POSITIVE,
    PROBABILITY,
    at_most,
    between,
    documented,
    option,
    options_of,
)

POLICIES = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}
DECAYS = ("linear", "exponential", "inverse_sigmoid")
MOST_BATCH = 10_000_000
# Trained weights are where a schedule has come down to: its first steps must not undo them.
LEARNING_RATE, FINE_TUNING_RATE = 2e-3, 5e-4

# Options that say the same thing in two ways.
ALTERNATIVES = (("epochs", "steps"), ("batch_tokens", "batch_sentences"))


@documented
@dataclass(frozen=True, kw_only=True)
class Recipe(ModelOptions):
    """How to train; the defaults suit 30,000 to 200,000 sentence pairs on two cores.

    Raises:
        TypeError: An option is of another type.
        ValueError: An option is out of range, or would be ignored.

    Example:
        >>> Recipe(cell="gru", units=256).cell
        'gru'
    """

    CHOSEN: ClassVar[frozenset[str]] = ModelOptions.CHOSEN.union(
        "copying units embedding_dimension tie_embeddings batch_sentences"
        " length_noise dropout monitor steps schedule patience learning_rate precision".split()
    )

    subword_sampling: float = option(
        0.3,
        help="Alpha of subword regularization (Kudo 2018), which samples new SentencePiece"
        " segmentations in every epoch. Smaller values vary the segmentation more; 0 disables it.",
        group="text",
        bounds=(between(0, 1),),
    )
    dropout: float = option(
        0.4, help="Dropout rate.", group="training", bounds=(PROBABILITY,), metavar="P"
    )
    word_dropout: float = option(
        0.0,
        help="Probability of replacing an input token by the unknown token, in the encoder and in"
        " the decoder.",
        group="training",
        bounds=(PROBABILITY,),
        metavar="P",
    )
    noise_drop: float = option(
        0.0,
        help="Probability of dropping a word of a source in training (Lample 2018). Words are what"
        " white space separates; at least one of a source stays.",
        group="training",
        bounds=(PROBABILITY,),
        metavar="P",
    )
    noise_swap: int = option(
        0,
        help="Largest number of positions by which words of a source change places in training.",
        group="training",
        bounds=(between(0, 1000),),
    )
    noise_mask: float = option(
        0.0,
        help="Probability of replacing a word of a source by the unknown token in training.",
        group="training",
        bounds=(PROBABILITY,),
        metavar="P",
    )
    scheduled_sampling: str | None = option(
        None,
        help="Scheduled sampling (Bengio 2015): feed the model's own predictions more and more"
        " often. The value names the decay of the probability of feeding the reference token.",
        group="training",
        choices=(*DECAYS, None),
        only_with=("contrastive_margin", (None,)),
    )
    sampling_steps: int = option(
        2000,
        help="Number of batches after which half of the target tokens are replaced by predictions;"
        " with linear, at most three quarters are ever replaced.",
        group="training",
        bounds=(POSITIVE, at_most(10_000_000)),
        only_with=("scheduled_sampling", DECAYS),
    )
    label_smoothing: float = option(
        0.1,
        help="Share of the target probability that is distributed over the whole vocabulary.",
        group="training",
        bounds=(PROBABILITY,),
        metavar="P",
        only_with=("contrastive_margin", (None,)),
    )
    contrastive_margin: float | None = option(
        None,
        help="Contrastive learning (Yang 2019), after usual training: by how many nats a target"
        " must be more probable than the same without one of its words, such as 0.1. Only with"
        " --from.",
        group="training",
        bounds=(between(0, 1000),),
    )
    guided_alignment_weight: float = option(
        1.0,
        help="Weight of the loss that draws the attention weights to given alignments (Chen 2016)."
        " Only with alignments.",
        group="training",
        bounds=(between(0, 1000),),
    )
    guided_alignment_decay: float = option(
        1.0,
        help="Factor by which this weight changes from one epoch to the next; 1 leaves it as it is."
        " Only with alignments.",
        group="training",
        bounds=(POSITIVE, at_most(1)),
    )
    teachers: int = option(
        0,
        help="Number of teacher models to train first, with different seeds, and to distill into"
        " the model. They are saved in OUTPUT.teachers.",
        group="training",
        bounds=(between(0, 100),),
        only_with=("minutes", (None,)),
    )
    distillation_weight: float = option(
        0.5,
        help="Weight of the teachers in the target distribution. Only with teachers.",
        group="training",
        bounds=(between(0, 1),),
    )
    pseudo_sources: int = option(
        0,
        help="Number of sources to generate with a character n-gram model; the teachers translate"
        " them, and the model is trained on these pairs too. Only with teachers.",
        group="training",
        bounds=(between(0, 10_000_000),),
    )
    batch_tokens: int = option(
        2048,
        help="Maximum number of target tokens in a batch, padding included.",
        group="training",
        bounds=(POSITIVE, at_most(MOST_BATCH)),
        only_with=("batch_sentences", (None,)),
    )
    batch_sentences: int | None = option(
        None,
        help="Number of sentence pairs in a batch, instead of a number of tokens.",
        group="training",
        bounds=(between(1, MOST_BATCH),),
    )
    length_noise: float = option(
        0.05,
        help="Noise that is added to the lengths before bucketing, as a fraction of the length."
        " More noise mixes the batches better but adds padding; 1 suits a few thousand pairs.",
        group="training",
        bounds=(between(0, 1000),),
    )
    epochs: int = option(
        30,
        help="Maximum number of epochs.",
        group="training",
        bounds=(POSITIVE, at_most(1_000_000)),
        only_with=("steps", (None,)),
    )
    steps: int | None = option(
        None,
        help="Maximum number of training steps, batches, instead of epochs.",
        group="training",
        bounds=(POSITIVE, at_most(1_000_000_000)),
    )
    schedule: str = option(
        "cosine",
        help="Schedule of the learning rate: cosine decays over the whole training; plateau holds"
        " the rate while the validation improves, and then decays over 30 % of the training.",
        group="training",
        choices=("cosine", "plateau"),
    )
    minutes: float | None = option(
        None,
        help="Maximum training time in minutes; unlimited by default.",
        group="training",
        bounds=(POSITIVE, at_most(1_000_000)),
        metavar="M",
    )
    patience: int = option(
        6,
        help="Number of epochs without improvement after which training stops.",
        group="training",
        bounds=(POSITIVE, at_most(1_000_000)),
    )
    monitor: str = option(
        "perplexity",
        help="Validation metric that selects the best weights: the lowest perplexity, or the"
        " highest sequence accuracy (the share of targets with every token predicted correctly).",
        group="training",
        choices=("perplexity", "sequence_accuracy"),
    )
    learning_rate: float | None = option(
        None,
        help="Peak learning rate of the schedule, which warms up and decays. Default of a recipe:"
        " 0.002, and 0.0005 from a trained model.",
        group="training",
        bounds=(POSITIVE, at_most(1e30)),
    )
    global_clipnorm: float = option(
        1.0,
        help="Maximum global norm of the gradients; larger gradients are scaled down.",
        group="training",
        bounds=(POSITIVE, at_most(1e30)),
    )
    gradient_accumulation_steps: int = option(
        1,
        help="Number of batches whose gradients are accumulated before each optimizer step.",
        group="training",
        bounds=(POSITIVE, at_most(1_000_000)),
    )
    ema_momentum: float = option(
        0.998,
        help="Maximum momentum of the exponential moving average of the weights. The averaged"
        " weights are validated and saved; 0 disables averaging.",
        group="training",
        bounds=(PROBABILITY,),
        metavar="P",
    )
    precision: str = option(
        "float32",
        help="Floating-point type of the computation; the weights are kept in float32.",
        group="training",
        choices=tuple(POLICIES),
    )
    seed: int = option(
        1,
        help="Random seed of weights, dropout, sampling and the order of batches. The same seed"
        " gives the same model, unless the training time is limited.",
        group="training",
        bounds=(between(0, 2**31 - 1),),
    )
    valid_share: float | None = option(
        None,
        help="Share of the training pairs to hold out for validation, all pairs of a source"
        " together, instead of validation files; 0 trains without validation and keeps the last"
        " weights. By default, 5 % without validation files, at most 2,000 pairs.",
        group="data",
        bounds=(PROBABILITY,),
    )

    @classmethod
    def from_json(cls, path: str | Path) -> Recipe:
        """Read a recipe from a file, such as the `recipe.json` in the folder of a trained model.

        Options that the file leaves out have their defaults. Names that options had in earlier
        versions are understood.

        Args:
            path: The file.

        Returns:
            The recipe.

        Raises:
            TypeError: An option is of another type.
            ValueError: The file is no JSON object, or an option is unknown or out of range.
            OSError: The file cannot be read.
        """
        try:
            found = json.loads(Path(path).read_bytes())
        except (ValueError, RecursionError) as error:
            raise ValueError(f"A recipe must be JSON. Received: {path}: {error}") from error
        if not isinstance(found, dict):
            raise ValueError(f"A recipe must be a JSON object of options. Received: {path}")
        options = renamed(found)
        unknown = sorted(options.keys() - {one.name for one, _ in options_of(cls)})
        if unknown:
            raise ValueError(
                f"A recipe must hold options of `Recipe` alone. Received: {', '.join(unknown)} in "
                f"{path}. Correct their names, or leave them out."
            )
        try:
            return cls(**options)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{path}: {error}") from error

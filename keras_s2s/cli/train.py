"""The command `keras-s2s train`."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated

import typer

from keras_s2s.cli.console import say
from keras_s2s.cli.devices import ended_by_sigterm, load_strategy
from keras_s2s.cli.inputs import open_training, read_pairs
from keras_s2s.cli.options import (
    File,
    JointVocabulary,
    Output,
    Source,
    SourceNormalization,
    SourceTokenizer,
    Strategy,
    Target,
    TargetNormalization,
    TargetTokenizer,
    Tsv,
    VocabularySize,
    about,
)
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.resume import Run
from keras_s2s.recipe.train import train as train_model

DEFAULT = Recipe()


def train(
    context: typer.Context,
    output: Output,
    source: Source = None,
    target: Target = None,
    tsv: Tsv = None,
    prepared: Annotated[
        File, about("Instead: what keras-s2s prepare wrote; a corpus of any size.", "DIR")
    ] = None,
    valid_source: Annotated[File, about("Sources to choose the best weights by.", "FILE")] = None,
    valid_target: Annotated[File, about("Their targets.", "FILE")] = None,
    valid_tsv: Annotated[File, about("Instead: both in one file.", "FILE")] = None,
    source_tokenizer: SourceTokenizer = DEFAULT.source_tokenizer,
    target_tokenizer: TargetTokenizer = None,
    vocabulary_size: VocabularySize = DEFAULT.vocabulary_size,
    joint_vocabulary: JointVocabulary = DEFAULT.joint_vocabulary,
    source_normalization: SourceNormalization = DEFAULT.source_normalization,
    target_normalization: TargetNormalization = DEFAULT.target_normalization,
    subword_sampling: Annotated[
        float,
        about(
            "Each epoch cuts words into other pieces, the more varied the nearer to 0; 0 is off.",
            "X",
        ),
    ] = DEFAULT.subword_sampling,
    cell: Annotated[str, about("Recurrent layer.", "lstm|layer_norm_lstm|gru|rnn")] = DEFAULT.cell,
    units: Annotated[int, about("Size of the hidden states.", "N")] = DEFAULT.units,
    embedding: Annotated[int, about("Size of the embeddings.", "N")] = DEFAULT.embedding,
    layers: Annotated[int, about("Recurrent layers on each side.", "N")] = DEFAULT.layers,
    direction: Annotated[
        str,
        about("How the encoder reads the source.", "both|forward|reversed|alternating"),
    ] = DEFAULT.direction,
    residual: Annotated[
        bool, typer.Option(help="Add a layer's input to its output, from the second layer on.")
    ] = DEFAULT.residual,
    bridge: Annotated[
        str, about("From the encoder's last state to the decoder's first.", "dense|copy|zeros")
    ] = DEFAULT.bridge,
    attention: Annotated[
        str,
        about(
            "Kind of attention; none for the plain model.",
            "luong|bahdanau|normalized_bahdanau|none",
        ),
    ] = DEFAULT.attention,
    score: Annotated[
        str, about("How Luong's attention compares.", "dot|scaled_dot|general|concat|location")
    ] = DEFAULT.score,
    local: Annotated[
        str | None,
        about("Read a window of the source alone, with luong.", "monotonic|predictive|none"),
    ] = DEFAULT.local,
    window: Annotated[
        int, about("Pieces on either side of the middle of that window.", "N")
    ] = DEFAULT.window,
    places: Annotated[
        int, about("Source pieces that the score location knows.", "N")
    ] = DEFAULT.places,
    input_feeding: Annotated[
        bool, typer.Option(help="Feed what a step attended to into the next one; slower.")
    ] = DEFAULT.input_feeding,
    tie_embeddings: Annotated[
        str,
        about(
            "Places of one embedding: target and output are two, the source is the third.",
            "none|two|three",
        ),
    ] = DEFAULT.tie_embeddings,
    dropout: Annotated[
        float, about("Probability of dropping an element in training.", "P")
    ] = DEFAULT.dropout,
    word_dropout: Annotated[
        float, about("Probability of hiding a whole piece in training.", "P")
    ] = DEFAULT.word_dropout,
    scheduled_sampling: Annotated[
        str | None,
        about(
            "Train on the model's own answers, more and more of them.",
            "linear|exponential|inverse_sigmoid|none",
        ),
    ] = DEFAULT.scheduled_sampling,
    sampling_steps: Annotated[
        int, about("Batches after which they replace half of the target's tokens.", "N")
    ] = DEFAULT.sampling_steps,
    label_smoothing: Annotated[
        float, about("Share of the probability spread over all pieces.", "P")
    ] = DEFAULT.label_smoothing,
    batch_tokens: Annotated[
        int, about("Target tokens in a batch, padding included.", "N")
    ] = DEFAULT.batch_tokens,
    batch_sentences: Annotated[
        int | None, about("Instead: sentence pairs in a batch.", "N")
    ] = DEFAULT.batch_sentences,
    jitter: Annotated[
        float,
        about(
            "How much longer a length may count where like lengths share a batch: more mixes"
            " better and pads more; 10 mixes all, which suits a few thousand pairs.",
            "X",
        ),
    ] = DEFAULT.jitter,
    epochs: Annotated[int, about("Passes over the corpus at most.", "N")] = DEFAULT.epochs,
    minutes: Annotated[float | None, about("Minutes of training at most.", "M")] = DEFAULT.minutes,
    patience: Annotated[
        int, about("Epochs without a better validation before it stops.", "N")
    ] = DEFAULT.patience,
    choose_by: Annotated[
        str,
        about(
            "What picks the best epoch, on the validation's pairs.", "perplexity|sequence_accuracy"
        ),
    ] = DEFAULT.choose_by,
    learning_rate: Annotated[
        float, about("Peak of the learning rate, which rises and falls.", "X")
    ] = DEFAULT.learning_rate,
    clip_norm: Annotated[
        float, about("Longer gradients are shortened to this norm.", "X")
    ] = DEFAULT.clip_norm,
    accumulation: Annotated[
        int, about("Batches whose gradients make one step.", "N")
    ] = DEFAULT.accumulation,
    averaging: Annotated[
        float, about("Momentum of the averaged weights that are kept; 0: no average.", "P")
    ] = DEFAULT.averaging,
    precision: Annotated[
        str, about("What the layers compute in.", "float32|bfloat16|float16")
    ] = DEFAULT.precision,
    seed: Annotated[
        int, about("The same seed gives the same model, but for --minutes.", "N")
    ] = DEFAULT.seed,
    strategy: Annotated[
        str, about("Devices: one, all GPUs, the machines of TF_CONFIG, or a TPU.", Strategy)
    ] = "none",
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on from the newest checkpoint, with the options of the beginning."
        ),
    ] = False,
    checkpoint_minutes: Annotated[
        float,
        about(
            "Minutes between two checkpoints, in OUTPUT.checkpoints, where the last three are kept"
            " until the training is over; 0 for none by the clock.",
            "M",
            min=0,
        ),
    ] = 10.0,
    checkpoint_steps: Annotated[
        int | None, about("Batches between two checkpoints.", "N", min=1)
    ] = None,
) -> None:
    """Train a model on sentence pairs, keep the best weights, and save it in a folder."""
    given = dict(locals())
    from keras_s2s.inference.storage import TRANSLATOR
    from keras_s2s.training.distribution import check_strategy

    for name in ("local", "scheduled_sampling"):
        given[name] = None if given[name] == "none" else given[name]
    chosen = Recipe(**{field.name: given[field.name] for field in fields(Recipe)})
    TRANSLATOR.check_goal(output)
    check_strategy(strategy)
    pairs = open_training(context, source, target, tsv, prepared)
    valid_pairs = read_pairs("valid-", valid_source, valid_target, valid_tsv)
    run = Run(
        strategy=load_strategy(strategy),
        resume=resume,
        checkpoint_minutes=checkpoint_minutes or None,
        checkpoint_steps=checkpoint_steps,
    )
    with ended_by_sigterm():
        train_model(pairs, valid_pairs, output, chosen, run=run, report=say)

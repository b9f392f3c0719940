"""The command line: `keras-s2s train | translate | evaluate | export | demo`."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from keras_s2s import __version__
from keras_s2s.cli_export import export, load_translator
from keras_s2s.cli_options import (
    Beam,
    File,
    Form,
    Kind,
    Model,
    Output,
    Penalty,
    Source,
    Target,
    Tsv,
    about,
)
from keras_s2s.recipe import Recipe
from keras_s2s.recipe import train as train_model
from keras_s2s.terminal import (
    check_picture,
    check_writable,
    load_tensorflow,
    read_pairs,
    read_references,
    run,
    say,
    whole_file,
    whole_path,
)

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"max_content_width": 100},
)

DEFAULT = Recipe()
MOST_PIECES_DRAWN = 150

app.command()(export)


@app.callback(invoke_without_command=True)
def start(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Sequence-to-sequence models with attention: train, translate, evaluate, export."""
    if version:
        print(__version__)
        raise typer.Exit


@app.command()
def demo(output: Output = Path("demo")) -> None:
    """Train on written dates, in English and Korean, for a few minutes; look at the result."""
    from keras_s2s.demo import run_demo

    load_tensorflow()
    run_demo(output)


@app.command()
def train(
    output: Output,
    source: Source = None,
    target: Target = None,
    tsv: Tsv = None,
    valid_source: Annotated[File, about("Sources to choose the best weights by.", "FILE")] = None,
    valid_target: Annotated[File, about("Their targets.", "FILE")] = None,
    valid_tsv: Annotated[File, about("Instead: both in one file.", "FILE")] = None,
    source_tokenizer: Annotated[
        str, about("What a source is cut into.", Kind)
    ] = DEFAULT.source_tokenizer,
    target_tokenizer: Annotated[
        str | None, about("The same for targets; as for sources by default.", Kind)
    ] = None,
    vocabulary_size: Annotated[
        int, about("Different pieces of a tokenizer at most.", "N")
    ] = DEFAULT.vocabulary_size,
    joint_vocabulary: Annotated[
        bool, typer.Option(help="One SentencePiece vocabulary for both sides, or one each.")
    ] = DEFAULT.joint_vocabulary,
    source_normalization: Annotated[
        str, about("Unicode form of sources; NFD takes Hangul apart.", Form)
    ] = DEFAULT.source_normalization,
    target_normalization: Annotated[
        str, about("The same for targets.", Form)
    ] = DEFAULT.target_normalization,
    subword_sampling: Annotated[
        float,
        about(
            "Each epoch cuts words into other pieces, the more varied the nearer to 0; 0 is off.",
            "X",
        ),
    ] = DEFAULT.subword_sampling,
    cell: Annotated[str, about("Recurrent layer.", "lstm|gru")] = DEFAULT.cell,
    units: Annotated[int, about("Size of the hidden states.", "N")] = DEFAULT.units,
    embedding: Annotated[int, about("Size of the embeddings.", "N")] = DEFAULT.embedding,
    layers: Annotated[int, about("Recurrent layers on each side.", "N")] = DEFAULT.layers,
    attention: Annotated[
        str, about("Kind of attention; none for the plain model.", "luong|bahdanau|none")
    ] = DEFAULT.attention,
    score: Annotated[
        str, about("How Luong's attention compares.", "dot|general|concat")
    ] = DEFAULT.score,
    input_feeding: Annotated[
        bool, typer.Option(help="Feed what a step attended to into the next one; slower.")
    ] = DEFAULT.input_feeding,
    dropout: Annotated[
        float, about("Probability of dropping an element in training.", "P")
    ] = DEFAULT.dropout,
    label_smoothing: Annotated[
        float, about("Share of the probability spread over all pieces.", "P")
    ] = DEFAULT.label_smoothing,
    batch_tokens: Annotated[
        int, about("Target tokens in a batch, padding included.", "N")
    ] = DEFAULT.batch_tokens,
    epochs: Annotated[int, about("Passes over the corpus at most.", "N")] = DEFAULT.epochs,
    minutes: Annotated[float | None, about("Minutes of training at most.", "M")] = DEFAULT.minutes,
    patience: Annotated[
        int, about("Epochs without a better validation loss before it stops.", "N")
    ] = DEFAULT.patience,
    learning_rate: Annotated[
        float, about("Peak of the learning rate, which rises and falls.", "X")
    ] = DEFAULT.learning_rate,
    averaging: Annotated[
        float, about("Momentum of the averaged weights that are kept; 0: no average.", "P")
    ] = DEFAULT.averaging,
    precision: Annotated[
        str, about("What the layers compute in.", "float32|bfloat16|float16")
    ] = DEFAULT.precision,
    seed: Annotated[int, about("The same seed gives the same model.", "N")] = DEFAULT.seed,
) -> None:
    """Train a model on sentence pairs, keep the best weights, and save it in a folder."""
    given = locals()
    chosen = Recipe(**{field.name: given[field.name] for field in fields(Recipe)})
    pairs = read_pairs("", source, target, tsv)
    valid_pairs = read_pairs("valid-", valid_source, valid_target, valid_tsv)
    load_tensorflow()
    train_model(pairs, valid_pairs, output, chosen, report=say)
    say(f"saved in {output}")


@app.command()
def translate(
    model: Model,
    source: Annotated[
        Path, about("A text on each line; - is standard input.", "FILE", "--input")
    ] = Path("-"),
    output: Annotated[
        Path, about("Where the answers go, one a line; - is standard output.", "FILE")
    ] = Path("-"),
    beam: Beam = None,
    n_best: Annotated[
        int, about("Answers to each line; the line's number and a TAB begin each.", "N", min=1)
    ] = 1,
    scores: Annotated[
        bool, typer.Option("--scores", help="Begin each answer with its score and a TAB.")
    ] = False,
    length_penalty: Penalty = None,
    attention_plot: Annotated[
        File, about("Draw where the first line's answer looked.", "FILE.png")
    ] = None,
) -> None:
    """Translate each line of a file, or of the standard input."""
    from keras_s2s.text.corpus import read_lines
    from keras_s2s.text.lines import CorpusReport

    report = CorpusReport((str(source),), unit="lines")
    lines = read_lines(str(source), report=report)
    check_picture(attention_plot)
    check_writable(output, attention_plot)
    is_typed = str(source) == "-" and sys.stdin.isatty()
    found = load_translator(model).stream(
        lines,
        beam_size=beam,
        n_best=n_best,
        length_penalty=length_penalty,
        attention=attention_plot is not None,
        window=1 if is_typed else 4096,
        progress=sys.stderr.isatty() and str(output) != "-",
    )
    drawn = None
    with whole_file(output) as file:
        for number, answers in enumerate(found, 1):
            if attention_plot is not None and drawn is None and answers[0].weights is not None:
                drawn = answers[0]
            for answer in answers:
                head = [str(number)] if n_best > 1 else []
                head += [f"{answer.score:.4f}"] if scores else []
                print(*head, answer.text, sep="\t", file=file, flush=is_typed)
    if report.findings:
        say(str(report))
    if drawn is not None and attention_plot is not None:
        _draw_attention(drawn, attention_plot)
    elif attention_plot is not None:
        say("no picture was drawn: there was no line with text")


@app.command()
def evaluate(
    model: Model,
    source: Source = None,
    target: Annotated[
        list[Path] | None,
        about("Right answers, line by line; once more for other right answers.", "FILE"),
    ] = None,
    tsv: Tsv = None,
    group: Annotated[
        bool,
        typer.Option("--group", help="Lines of one source are one sentence with several answers."),
    ] = False,
    beam: Beam = None,
    length_penalty: Penalty = None,
    language: Annotated[str, about("Of the targets, for the Moses tokenizer.", "CODE")] = "en",
    json_file: Annotated[File, about("Write the figures here too.", "FILE", "--json")] = None,
    output: Annotated[File, about("Write the answers here, one a line.", "FILE")] = None,
    plot: Annotated[File, about("Draw BLEU by length of the source.", "FILE.png")] = None,
) -> None:
    """Translate a corpus and score the answers against its targets."""
    from keras_s2s.evaluation.by_length import length_table, score_by_length
    from keras_s2s.evaluation.scores import score

    if not re.fullmatch("[a-z]{2,3}", language):
        raise ValueError(f"--language must be a code such as en or de. Received: {language!r}")
    check_picture(plot)
    check_writable(json_file, output, plot)
    sources, targets = read_references(source, target or [], tsv, group)
    translator = load_translator(model)
    start = time.monotonic()
    best = [
        answers[0]
        for answers in translator.stream(
            sources, beam_size=beam, length_penalty=length_penalty, progress=sys.stderr.isatty()
        )
    ]
    seconds = time.monotonic() - start
    answers = [answer.text for answer in best]
    figures = score(answers, targets, language=language).to_dict() | {"seconds": seconds}
    lengths = [len(answer.source_pieces) for answer in best]
    rows = score_by_length(answers, targets, lengths, language=language)
    for name, value in figures.items():
        print(f"{name}: {value:.4f}" if isinstance(value, float) else f"{name}: {value}")
    print(f"\nby source length in tokens\n{length_table(rows)}")
    if output is not None:
        with whole_file(output) as file:
            file.writelines(f"{answer}\n" for answer in answers)
    if json_file is not None:
        value = figures | {"by_length": [row.to_dict() for row in rows]}
        with whole_file(json_file) as file:
            file.write(json.dumps(value, indent=1, ensure_ascii=False) + "\n")
    if plot is not None:
        from keras_s2s.evaluation.plots import score_by_length_plot

        with whole_path(plot) as part:
            score_by_length_plot(rows, part)


def _draw_attention(answer: Any, path: Path) -> None:
    from keras_s2s.evaluation.plots import attention_heatmap

    most = MOST_PIECES_DRAWN
    source, target = answer.source_pieces[:most], answer.target_pieces[:most]
    if (source, target) != (answer.source_pieces, answer.target_pieces):
        say(f"the picture shows the first {most} pieces")
    with whole_path(path) as part:
        attention_heatmap(answer.weights[:most, :most], source, target, part)


def main(arguments: Iterable[str] | None = None) -> None:
    """Run the command line and leave the process; a user's mistake ends with status 2.

    Args:
        arguments: Words of the command line; `None` for those of this process.
    """
    run(app, arguments)

"""The commands `translate`, and `average` for several trained models."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from keras_s2s.cli.console import say
from keras_s2s.cli.constraint_options import ConstraintOptions, say_findings
from keras_s2s.cli.inputs import InputLines, read_dictionary
from keras_s2s.cli.models import chosen_search, load_together, load_trained
from keras_s2s.cli.options import (
    Beam,
    Dictionary,
    File,
    Models,
    Output,
    Penalty,
    ReplaceUnknown,
    about,
    from_fields,
)
from keras_s2s.cli.outputs import check_picture, check_writable, whole_file, whole_path

MOST_PIECES_DRAWN = 150


Input = Annotated[
    Path, about("Text to translate, one sentence per line; - is standard input.", "FILE", "--input")
]
Translations = Annotated[
    Path, about("File for the translations, one per line; - is standard output.", "FILE")
]
NBest = Annotated[
    int,
    about(
        "Number of hypotheses per line; above 1, each follows its line number and a tab.",
        "N",
        min=1,
    ),
]
Scores = Annotated[
    bool, typer.Option("--scores", help="Write the score and a tab before each translation.")
]
AttentionPlot = Annotated[
    File, about("Plot the attention weights of the first line's translation.", "FILE.png")
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Reject lines that are too long instead of truncating them."),
]
Window = Annotated[
    int,
    about(
        "Maximum number of lines read before the first translation is written; lines of similar "
        "length are translated together.",
        "N",
        min=1,
    ),
]


@from_fields
def translate(
    model: Models,
    source: Input = Path("-"),
    output: Translations = Path("-"),
    beam: Beam = None,
    n_best: NBest = 1,
    scores: Scores = False,
    length_penalty: Penalty = None,
    attention_plot: AttentionPlot = None,
    replace_unknown: ReplaceUnknown = False,
    dictionary: Dictionary = None,
    strict: Strict = False,
    window: Window = 4096,
    *,
    constraints: ConstraintOptions,
) -> None:
    """Translate each line of a file or of standard input.

    Lines from a pipe or a terminal are translated as they arrive, without waiting for more.
    """
    from keras_s2s.data.lines import CorpusReport

    report = CorpusReport((str(source),), unit="lines")
    lines = InputLines(source, report)
    check_picture(attention_plot)
    check_writable(output, attention_plot, inputs=[source, dictionary, *constraints.files])
    words = read_dictionary(dictionary, replace_unknown)
    beside = constraints.open(source)
    translator = load_together(model)
    found = translator.stream(
        lines,
        window=window,
        **beside.arguments(chosen_search(translator, beam, length_penalty), translator),
        n_best=n_best,
        attention=attention_plot is not None,
        replace_unknown=replace_unknown,
        dictionary=words,
        strict=strict,
        progress=sys.stderr.isatty() and str(output) != "-",
    )
    with whole_file(output) as file:
        drawn = _write(found, file, n_best, scores, attention_plot is not None, not lines.is_file)
    say_findings(report)
    _draw_attention(drawn, attention_plot)


def _write(
    found: Iterable[list[Any]],
    file: TextIO,
    n_best: int,
    with_scores: bool,
    with_weights: bool,
    flush: bool,
) -> Any:
    """Write the hypotheses of each line; returns the first one with attention weights."""
    drawn = None
    for number, hypotheses in enumerate(found, 1):
        if with_weights and drawn is None and hypotheses[0].weights is not None:
            drawn = hypotheses[0]
        for one in hypotheses:
            head = [str(number)] if n_best > 1 else []
            head += [f"{one.score:.4f}"] if with_scores else []
            print(*head, one.text, sep="\t", file=file, flush=flush)
    return drawn


def average(
    model: Annotated[
        list[Path],
        about("Folder of a model; give the option for each model to average.", "DIR", "--model"),
    ],
    output: Output,
) -> None:
    """Average the weights of several models from one training run."""
    from keras_s2s.inference.storage import TRANSLATOR

    if len(model) < 2:
        raise ValueError(f"--model is needed twice or more. Received: --model {model[0]} alone")
    if len({path.resolve() for path in model}) < len(model):
        given = ", ".join(map(str, model))
        raise ValueError(f"--model must name another folder each time. Received: {given}")
    TRANSLATOR.check_goal(output)
    checkpoints = load_trained(model)
    from keras_s2s.inference.averaging import average as average_weights

    average_weights(checkpoints).save(output)
    say(f"saved in {output}")


def _draw_attention(answer: Any, path: Path | None) -> None:
    from keras_s2s.evaluation.plots import attention_heatmap

    if path is None:
        return
    if answer is None:
        say("no picture was drawn: there was no line with text")
        return
    most = MOST_PIECES_DRAWN
    source, target = answer.source_pieces[:most], answer.target_pieces[:most]
    if (source, target) != (answer.source_pieces, answer.target_pieces):
        say(f"the picture shows the first {most} pieces")
    with whole_path(path) as part:
        attention_heatmap(answer.weights[:most, :most], source, target, part)

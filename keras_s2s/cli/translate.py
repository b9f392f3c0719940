"""The commands that use a trained model: `translate`, and `average` for several of them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from keras_s2s.cli.console import say
from keras_s2s.cli.inputs import read_dictionary
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
)
from keras_s2s.cli.outputs import check_picture, check_writable, whole_file, whole_path

MOST_PIECES_DRAWN = 150


def translate(
    model: Models,
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
    replace_unknown: ReplaceUnknown = False,
    dictionary: Dictionary = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse a line that is too long, do not cut it.")
    ] = False,
) -> None:
    """Translate each line of a file, or of the standard input."""
    from keras_s2s.data.corpus import read_lines
    from keras_s2s.data.lines import CorpusReport

    report = CorpusReport((str(source),), unit="lines")
    lines = read_lines(str(source), report=report)
    check_picture(attention_plot)
    check_writable(output, attention_plot, inputs=[source, dictionary])
    is_typed = str(source) == "-" and sys.stdin.isatty()
    words = read_dictionary(dictionary, replace_unknown)
    translator = load_together(model)
    found = translator.stream(
        lines,
        search=chosen_search(translator, beam, length_penalty),
        n_best=n_best,
        attention=attention_plot is not None,
        replace_unknown=replace_unknown,
        dictionary=words,
        strict=strict,
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


def average(
    model: Annotated[
        list[Path], about("Folder of a checkpoint; two or more, of one training.", "DIR", "--model")
    ],
    output: Output,
) -> None:
    """Make one model of several checkpoints, whose weights are the mean of theirs."""
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


def _draw_attention(answer: Any, path: Path) -> None:
    from keras_s2s.evaluation.plots import attention_heatmap

    most = MOST_PIECES_DRAWN
    source, target = answer.source_pieces[:most], answer.target_pieces[:most]
    if (source, target) != (answer.source_pieces, answer.target_pieces):
        say(f"the picture shows the first {most} pieces")
    with whole_path(path) as part:
        attention_heatmap(answer.weights[:most, :most], source, target, part)

"""The commands that translate: for their own sake, to be scored, and the one that averages."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from keras_s2s.cli_export import load_together, load_trained
from keras_s2s.cli_options import (
    Beam,
    Dictionary,
    File,
    Models,
    Output,
    Penalty,
    ReplaceUnknown,
    Source,
    Tsv,
    about,
)
from keras_s2s.terminal import (
    check_picture,
    check_writable,
    read_dictionary,
    read_references,
    say,
    whole_file,
    whole_path,
)

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
) -> None:
    """Translate each line of a file, or of the standard input."""
    from keras_s2s.text.corpus import read_lines
    from keras_s2s.text.lines import CorpusReport

    report = CorpusReport((str(source),), unit="lines")
    lines = read_lines(str(source), report=report)
    check_picture(attention_plot)
    check_writable(output, attention_plot)
    is_typed = str(source) == "-" and sys.stdin.isatty()
    words = read_dictionary(dictionary, replace_unknown)
    found = load_together(model).stream(
        lines,
        beam_size=beam,
        n_best=n_best,
        length_penalty=length_penalty,
        attention=attention_plot is not None,
        replace_unknown=replace_unknown,
        dictionary=words,
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


def evaluate(
    model: Models,
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
    replace_unknown: ReplaceUnknown = False,
    dictionary: Dictionary = None,
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
    words = read_dictionary(dictionary, replace_unknown)
    translator = load_together(model)
    start = time.monotonic()
    found = translator.stream(
        sources,
        beam_size=beam,
        length_penalty=length_penalty,
        replace_unknown=replace_unknown,
        dictionary=words,
        progress=sys.stderr.isatty(),
    )
    best = [answers[0] for answers in found]
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

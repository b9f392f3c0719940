"""The commands `translate`, and `average` for several trained models."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from keras_s2s.cli.console import say
from keras_s2s.cli.constraint_options import ConstraintOptions, say_findings
from keras_s2s.cli.decoding import Decoding
from keras_s2s.cli.inputs import InputLines, read_dictionary
from keras_s2s.cli.json_lines import SourceLines, check_json, write_json_lines
from keras_s2s.cli.models import load_together, load_trained
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

if TYPE_CHECKING:
    from keras_s2s.data.lines import CorpusReport

MOST_PIECES_DRAWN = 150


Input = Annotated[
    Path, about("Text to translate, one sentence per line; - is standard input.", "FILE", "--input")
]
Translations = Annotated[
    Path, about("File for the translations, one per line; - is standard output.", "FILE")
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


@dataclass(frozen=True, kw_only=True)
class Written:
    """The options of `translate` on what is written of each translation."""

    n_best: Annotated[
        int,
        about(
            "Number of hypotheses per line; above 1, each follows its line number and a tab.",
            "N",
            min=1,
        ),
    ] = 1
    scores: Annotated[
        bool, typer.Option("--scores", help="Write the score and a tab before each translation.")
    ] = False
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Write a JSON object for each line, with the translations, their tokens and"
            " scores.",
        ),
    ] = False
    attention: Annotated[
        bool, typer.Option("--attention", help="With --json, write the attention weights too.")
    ] = False
    attention_plot: Annotated[
        File, about("Plot the attention weights of the first line's translation.", "FILE.png")
    ] = None

    @property
    def needs_attention(self) -> bool:
        """Whether attention weights are written or drawn."""
        return self.attention or self.attention_plot is not None

    def check(self, lines: InputLines) -> SourceLines | None:
        """The lines, remembered for JSON; `None` where plain text is written.

        Raises:
            ValueError: The options do not go together.
        """
        check_picture(self.attention_plot)
        return check_json(self.as_json, self.scores, self.attention, lines)


@from_fields
def translate(
    model: Models,
    decoding: Decoding,
    written: Written,
    constraints: ConstraintOptions,
    source: Input = Path("-"),
    output: Translations = Path("-"),
    beam: Beam = None,
    length_penalty: Penalty = None,
    replace_unknown: ReplaceUnknown = False,
    dictionary: Dictionary = None,
    strict: Strict = False,
    window: Window = 4096,
) -> None:
    """Translate each line of a file or of standard input.

    Lines from a pipe or a terminal are translated as they arrive, without waiting for more.
    """
    from keras_s2s.data.lines import CorpusReport

    decoding.check(written.n_best, beam, length_penalty)
    lines = InputLines(source, report := CorpusReport((str(source),), unit="lines"))
    noted = written.check(lines)
    read = [source, dictionary, *constraints.files]
    check_writable(output, written.attention_plot, inputs=read)
    words = read_dictionary(dictionary, replace_unknown)
    beside = constraints.open(source)
    translator = load_together(model)
    search = decoding.search(translator, beam, length_penalty)
    found = decoding.stream(
        translator,
        noted or lines,
        n_best=written.n_best,
        window=window,
        **beside.arguments(search, translator),
        attention=written.needs_attention,
        replace_unknown=replace_unknown,
        dictionary=words,
        strict=strict,
        progress=sys.stderr.isatty() and str(output) != "-",
    )
    with whole_file(output) as file:
        drawn = _write(found, file, written, noted, not lines.is_file)
    _finish(report, drawn, written.attention_plot)


def _write(
    found: Iterable[list[Any]],
    file: TextIO,
    written: Written,
    noted: SourceLines | None,
    flush: bool,
) -> Any:
    """Write the hypotheses of each line; returns the first one with attention weights."""
    if noted is not None:
        return write_json_lines(found, noted, file, flush)
    drawn = None
    for number, hypotheses in enumerate(found, 1):
        if drawn is None and hypotheses[0].weights is not None:
            drawn = hypotheses[0]
        for one in hypotheses:
            head = [str(number)] if written.n_best > 1 else []
            head += [f"{one.score:.4f}"] if written.scores else []
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


def _finish(report: CorpusReport, answer: Any, path: Path | None) -> None:
    """Say what was found in the lines, and plot the attention weights if asked for."""
    from keras_s2s.evaluation.plots import attention_heatmap

    say_findings(report)
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

"""The commands that score: `evaluate` a model, or `score` the translations of any program."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from keras_s2s.cli.console import say
from keras_s2s.cli.decoding import Decoding
from keras_s2s.cli.inputs import check_columns, read_dictionary, read_references
from keras_s2s.cli.models import load_together
from keras_s2s.cli.options import (
    Beam,
    Columns,
    Dictionary,
    File,
    Models,
    Penalty,
    ReplaceUnknown,
    Source,
    Tsv,
    about,
    from_fields,
)
from keras_s2s.cli.outputs import check_picture, check_writable, whole_file, whole_path

if TYPE_CHECKING:
    from keras_s2s.inference.protocol import TextTranslator

Targets = Annotated[
    list[Path] | None,
    about("References, one per line; repeat the option for several references.", "FILE"),
]
Group = Annotated[
    bool,
    typer.Option(
        "--group",
        help="Treat lines with the same source as one sentence with several references.",
    ),
]
Language = Annotated[str, about("Language code of the target, for the Moses tokenizer.", "CODE")]
Json = Annotated[File, about("Write the scores to this file as JSON.", "FILE", "--json")]
WithPerplexity = Annotated[
    bool,
    typer.Option(
        "--perplexity", help="Compute the perplexity of the targets; not available for exports."
    ),
]
Translations = Annotated[File, about("Write the translations to this file, one per line.", "FILE")]
LengthPlot = Annotated[File, about("Plot BLEU by source length to this file.", "FILE.png")]


@dataclass(frozen=True, kw_only=True)
class Reported:
    """The options of `evaluate` on what is measured and where it is written."""

    language: Language = "en"
    perplexity: WithPerplexity = False
    json_file: Json = None
    output: Translations = None
    plot: LengthPlot = None

    def check(self, model: list[Path], inputs: list[Path | None]) -> None:
        """Raise unless everything can be measured and written, before it takes time.

        Args:
            model: The models.
            inputs: Files that are read.
        """
        _check_language(self.language)
        check_picture(self.plot)
        check_writable(self.json_file, self.output, self.plot, inputs=inputs)
        if self.perplexity:
            _check_trained(model)


@from_fields
def evaluate(
    model: Models,
    decoding: Decoding,
    reported: Reported,
    source: Source = None,
    target: Targets = None,
    tsv: Tsv = None,
    columns: Columns = None,
    group: Group = False,
    beam: Beam = None,
    length_penalty: Penalty = None,
    replace_unknown: ReplaceUnknown = False,
    dictionary: Dictionary = None,
) -> None:
    """Translate a corpus and score the translations. Its target side is the reference."""
    from keras_s2s.evaluation import scores

    decoding.check(1, beam, length_penalty)
    reported.check(model, [source, *(target or []), tsv, dictionary])
    chosen = check_columns(columns, tsv)
    sources, references = read_references(source, target or [], tsv, group, chosen)
    words = read_dictionary(dictionary, replace_unknown)
    translator = load_together(model)
    how = {
        "search": decoding.search(translator, beam, length_penalty),
        "replace_unknown": replace_unknown,
        "dictionary": words,
    }
    best, seconds = _translate(decoding, translator, sources, how)
    answers = [answer.text for answer in best]
    found = scores.score(answers, references, language=reported.language)
    figures = found.to_dict() | {"seconds": seconds}
    if reported.perplexity:
        figures |= _likelihood(translator, decoding.texts(sources, translator), references)
    _tell(figures)
    _write_answers(answers, reported.output)
    rows = _tell_by_length(best, references, reported.language, reported.plot)
    _write_json(figures | {"by_length": rows}, reported.json_file)


def _write_answers(answers: list[str], path: Path | None) -> None:
    if path is not None:
        with whole_file(path) as file:
            file.writelines(f"{answer}\n" for answer in answers)


def _translate(
    decoding: Decoding,
    translator: TextTranslator,
    sources: list[str],
    how: dict[str, Any],
) -> tuple[list[Any], float]:
    """The best hypothesis for each source, and the seconds that it took to find them."""
    start = time.monotonic()
    found = decoding.stream(translator, sources, **how, progress=sys.stderr.isatty())
    return [hypotheses[0] for hypotheses in found], time.monotonic() - start


def score(
    answers: Annotated[
        Path, about("Translations to score, one per line; - is standard input.", "FILE")
    ],
    source: Annotated[
        File, about("Source text, one sentence per line; needed by --group.", "FILE")
    ] = None,
    target: Targets = None,
    tsv: Tsv = None,
    columns: Columns = None,
    group: Group = False,
    language: Language = "en",
    json_file: Json = None,
) -> None:
    """Score existing translations from any program. The metrics are those of evaluate."""
    from keras_s2s.evaluation import scores

    _check_language(language)
    chosen = check_columns(columns, tsv)
    read = [answers, source, *(target or []), tsv]
    check_writable(json_file, inputs=read)
    if list(map(str, read)).count("-") > 1:
        raise ValueError("- is standard input, which one option alone can read. Received: - twice")
    if source is not None or tsv is not None:
        _, references = read_references(source, target or [], tsv, group, chosen)
    elif target and not group:
        texts = [_read(path) for path in target]
        if not texts[0]:
            raise ValueError(f"there is no line in {target[0]}")
        _check_lines(len(texts[0]), dict(zip(target, texts, strict=True)), "target")
        references = [list(row) for row in zip(*texts, strict=True)]
    else:
        raise ValueError(
            "give --target, or --tsv; with --group --source and --target, or --tsv. Received: "
            + ("--target with --group, without --source" if target else "none of them")
        )
    given = _read(answers)
    _check_lines(len(references), {answers: given}, "answers")
    figures = scores.score(given, references, language=language).to_dict()
    _tell(figures)
    _write_json(figures, json_file)


def _tell_by_length(
    best: list[Any],
    references: list[list[str]],
    language: str,
    plot: Path | None,
) -> list[dict[str, Any]]:
    """Print the scores by source length, and plot them if asked for."""
    from keras_s2s.evaluation.by_length import length_table, score_by_length

    answers = [answer.text for answer in best]
    lengths = [len(answer.source_pieces) for answer in best]
    rows = score_by_length(answers, references, lengths, language=language)
    print(f"\nby source length in tokens\n{length_table(rows)}")
    if plot is not None:
        from keras_s2s.evaluation.plots import score_by_length_plot

        with whole_path(plot) as part:
            score_by_length_plot(rows, part)
    return [row.to_dict() for row in rows]


def _read(path: Path) -> list[str]:
    """The lines of a file; what was corrected in them is reported."""
    from keras_s2s.data.corpus import read_lines
    from keras_s2s.data.lines import CorpusReport

    report = CorpusReport((str(path),), unit="lines")
    lines = list(read_lines(str(path), report=report))
    if report.findings:
        say(str(report))
    return lines


def _check_lines(count: int, files: dict[Path, list[str]], option: str) -> None:
    for path, lines in files.items():
        if len(lines) != count:
            raise ValueError(
                f"--{option} must have one line for each sentence to score, {count:,}. "
                f"Received: {path} with {len(lines):,} lines"
            )


def _tell(figures: dict[str, Any]) -> None:
    for name, value in figures.items():
        print(f"{name}: {value:.4f}" if isinstance(value, float) else f"{name}: {value}")


def _write_json(value: dict[str, Any], path: Path | None) -> None:
    if path is not None:
        with whole_file(path) as file:
            file.write(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def _check_language(language: str) -> None:
    if not re.fullmatch("[a-z]{2,3}", language):
        raise ValueError(f"--language must be a code such as en or de. Received: {language!r}")


def _check_trained(models: list[Path]) -> None:
    from keras_s2s.export.artifact import EXPORT, find_export

    if len(models) > 1 or EXPORT.is_in(find_export(models[0])):
        raise ValueError(
            "--perplexity needs one model, the one that was trained. Received: "
            + ("an export: " if len(models) == 1 else "several: ")
            + ", ".join(map(str, models))
        )


def _likelihood(
    translator: TextTranslator, sources: Iterable[str], references: list[list[str]]
) -> dict[str, float | int]:
    """The likelihood of the targets under the model; of several references, of each."""
    from keras_s2s.evaluation.likelihood import likelihood

    pairs = [(text, one) for text, row in zip(sources, references, strict=True) for one in row]
    found = likelihood(translator, *map(list, zip(*pairs, strict=True)))
    return found.to_dict()

"""The command `keras-s2s align`: the alignment of given translations by the attention."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from keras_s2s.cli.console import say
from keras_s2s.cli.inputs import check_columns, open_corpus
from keras_s2s.cli.models import load_together
from keras_s2s.cli.options import Columns, Models, Source, Target, Tsv, about
from keras_s2s.cli.outputs import check_writable, whole_file

if TYPE_CHECKING:
    from keras_s2s.evaluation.alignment import AlignedPair

FORMATS = ("pharaoh", "json")
Alignments = Annotated[
    Path, about("File for the alignments, a line per pair; - is standard output.", "FILE")
]
Form = Annotated[
    str,
    about(
        "pharaoh: links i-j between source word i and target word j, from 0; json: the tokens, the"
        " attention weights and the links.",
        "pharaoh|json",
        "--format",
    ),
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Reject sides that are too long instead of truncating them."),
]


def align(
    model: Models,
    source: Source = None,
    target: Target = None,
    tsv: Tsv = None,
    columns: Columns = None,
    form: Form = "pharaoh",
    output: Alignments = Path("-"),
    strict: Strict = False,
) -> None:
    """Align the words of given translations by the attention weights of a model."""
    from keras_s2s.evaluation.alignment import align as align_pairs

    if form not in FORMATS:
        raise ValueError(f"--format must be one of {', '.join(FORMATS)}. Received: {form}")
    check_writable(output, inputs=[source, target, tsv])
    chosen = check_columns(columns, tsv)
    corpus = open_corpus(
        "", source, target, tsv, columns=chosen, duplicates="ignore", keep_all=True
    )
    found = align_pairs(load_together(model), corpus, strict=strict)
    with whole_file(output) as file:
        for pair in found:
            print(_line(pair, form), file=file)
        if not corpus.report.kept:
            raise ValueError(f"there is no pair in {source or tsv}")
    say(str(corpus.report))


def _line(pair: AlignedPair, form: str) -> str:
    from keras_s2s.data.alignments import write_links

    links = write_links(pair.links)
    if form == "pharaoh":
        return links
    entries = {
        "source_tokens": pair.source_pieces,
        "target_tokens": pair.target_pieces,
        "attention": pair.weights.astype("float64").round(4).tolist(),
        "alignment": links,
    }
    return json.dumps(entries, ensure_ascii=False, allow_nan=False)

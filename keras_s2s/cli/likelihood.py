"""The command `keras-s2s likelihood`: how probable given translations are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from keras_s2s.cli.console import say
from keras_s2s.cli.inputs import check_columns, open_corpus
from keras_s2s.cli.models import load_together
from keras_s2s.cli.options import Columns, Models, Source, Target, Tsv, about
from keras_s2s.cli.outputs import check_writable, whole_file

Likelihoods = Annotated[
    Path,
    about(
        "File for a line per pair: log-probability, number of tokens and perplexity, separated by"
        " tabs; - is standard output.",
        "FILE",
    ),
]
Strict = Annotated[
    bool,
    typer.Option("--strict", help="Reject sides that are too long instead of truncating a source."),
]


def likelihood(
    model: Models,
    source: Source = None,
    target: Target = None,
    tsv: Tsv = None,
    columns: Columns = None,
    output: Likelihoods = Path("-"),
    strict: Strict = False,
) -> None:
    """Compute the probability of given translations, a line for each pair.

    The log-probability is the natural logarithm, summed over the tokens of the target, end mark
    included. The totals are printed to standard error.
    """
    from keras_s2s.evaluation.likelihood import PairLikelihood, pair_likelihoods

    check_writable(output, inputs=[source, target, tsv])
    chosen = check_columns(columns, tsv)
    corpus = open_corpus(
        "", source, target, tsv, columns=chosen, duplicates="ignore", keep_all=True
    )
    translator = load_together(model)
    total = PairLikelihood(0.0, 0, 0)
    with whole_file(output) as file:
        for one in pair_likelihoods(translator, corpus, strict=strict):
            total = total.together(one)
            row = f"{one.log_probability:.4f}", str(one.tokens), f"{one.perplexity:.4f}"
            print(*row, sep="\t", file=file)
        if not corpus.report.kept:
            raise ValueError(f"there is no pair in {source or tsv}")
    say(str(corpus.report))
    say(
        f"{corpus.report.kept:,} pairs, {total.tokens:,} target tokens, "
        f"{total.unknown_tokens:,} of them unknown: log-probability {total.log_probability:.4f}, "
        f"perplexity {total.perplexity:.4f}"
    )

"""The options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from keras_s2s.text.corpus import Corpus


def about(text: str, metavar: str, *names: str, **limits: Any) -> Any:
    """An option with its help; the default stands at the parameter."""
    return typer.Option(*names, help=text, metavar=metavar, **limits)


File = Path | None
Output = Annotated[Path, about("Folder for the model: a new one, or one to replace.", "DIR")]
Model = Annotated[Path, about("Folder of a trained model.", "DIR")]
Models = Annotated[
    list[Path],
    about("Folder of a model or of an export; several models answer as one.", "DIR", "--model"),
]
ReplaceUnknown = Annotated[
    bool,
    typer.Option(
        "--replace-unknown",
        help="Put the source word that the attention looked at in place of an unknown one.",
    ),
]
Dictionary = Annotated[
    File, about("With that: translations of source words, a TAB between.", "FILE.tsv")
]
Source = Annotated[
    File, about("Sources, one a line; plain, .gz or .xz; - is standard input.", "FILE")
]
Target = Annotated[File, about("Targets, line by line those of the sources.", "FILE")]
Tsv = Annotated[File, about("Instead: sources and targets in one file, a TAB between.", "FILE")]
Beam = Annotated[
    int | None, about("Width of the beam, 1 for greedy; by default the model's, 5.", "N", min=1)
]
Penalty = Annotated[
    float | None, about("Above 0 favours longer answers; by default the model's, 1.", "X")
]
Kind = "sentencepiece|word|character"
Form = "NFC|NFKC|NFD"
Strategy = "none|mirrored|multi_worker|tpu"
SourceTokenizer = Annotated[str, about("What a source is cut into.", Kind)]
TargetTokenizer = Annotated[
    str | None, about("The same for targets; as for sources by default.", Kind)
]
VocabularySize = Annotated[int, about("Different pieces of a tokenizer at most.", "N")]
JointVocabulary = Annotated[
    bool, typer.Option(help="One SentencePiece vocabulary for both sides, or one each.")
]
SourceNormalization = Annotated[
    str, about("Unicode form of sources; NFD takes Hangul apart.", Form)
]
TargetNormalization = Annotated[str, about("The same for targets.", Form)]


def open_corpus(
    side: str, source: Path | None, target: Path | None, tsv: Path | None, **choices: Any
) -> Corpus:
    """Open the corpus of two files or of a TSV.

    Args:
        side: What stands before the names of the options: "" or "valid-".
        source: File of the sources.
        target: File of the targets.
        tsv: File of both instead.
        **choices: Arguments of `Corpus`.

    Returns:
        The corpus.

    Raises:
        ValueError: The files are not one of both kinds.
        OSError: A file is not there.
    """
    from keras_s2s.text.corpus import Corpus

    if tsv is not None and source is None and target is None:
        return Corpus.from_tsv(str(tsv), **choices)
    if tsv is None and source is not None and target is not None:
        return Corpus(str(source), str(target), **choices)
    raise ValueError(f"give --{side}source and --{side}target, or --{side}tsv")

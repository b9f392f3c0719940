"""The options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    pass


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

"""What `train` starts from: a trained model, frozen parts, pretrained embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from keras_s2s.cli.options import File, about, given_names
from keras_s2s.recipe.freeze import PARTS
from keras_s2s.recipe.start import Start


@dataclass(frozen=True, kw_only=True)
class StartFiles:
    """The options of `train` that say what it starts from."""

    from_model: Annotated[
        File,
        about(
            "Folder of a trained model to continue or fine-tune: its architecture, weights and"
            " tokenizers are used.",
            "DIR",
            "--from",
            panel="start",
        ),
    ] = None
    vocabulary: Annotated[
        str,
        about(
            "With --from: keep the tokenizers as they are, or extend them by what they lack for the"
            " new data.",
            "keep|extend",
            panel="start",
        ),
    ] = "keep"
    freeze: Annotated[
        list[str] | None,
        about(
            "Part of the model that is not trained; repeat the option for several. One of"
            f" {', '.join(PARTS)}.",
            "PART",
            panel="start",
        ),
    ] = None
    source_embeddings: Annotated[
        File,
        about(
            "Pretrained embeddings of the source: word2vec (text or binary), GloVe or fastText,"
            " plain or .gz.",
            "FILE",
            panel="start",
        ),
    ] = None
    target_embeddings: Annotated[
        File, about("Pretrained embeddings of the target.", "FILE", panel="start")
    ] = None

    def start(self, context: typer.Context, output: Path) -> Start:
        """What the options say; the model is looked at, and loaded later, beneath a strategy.

        Raises:
            ValueError: The options do not go together, or there is no such model.
        """
        start = Start(
            translator=self.from_model,
            vocabulary=self.vocabulary,
            freeze=self.freeze or (),
            source_embeddings=self.source_embeddings,
            target_embeddings=self.target_embeddings,
            given=given_names(context),
        )
        return checked_start(start, output)


def checked_start(start: Start, output: Path) -> Start:
    """The start, whose models are looked at; they are loaded later, beneath a strategy.

    Raises:
        ValueError: There is no such model, or the training would replace it.
    """
    start.check_output(output)
    start.check_folders()
    return start

"""What the commands translate with: a trained model, an export, or an ensemble."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from keras_s2s.cli.devices import load_tensorflow
from keras_s2s.files.native_logs import without_remarks
from keras_s2s.search.strategies import Beam, Greedy

if TYPE_CHECKING:
    from keras_s2s.inference.protocol import TextTranslator
    from keras_s2s.inference.translator import Translator


def chosen_search(
    translator: TextTranslator, beam: int | None, length_penalty: float | None
) -> Greedy | Beam:
    """The search of a translator, with what `--beam` and `--length-penalty` replace in it.

    Raises:
        ValueError: A number is out of range.
    """
    from keras_s2s.inference.storage import as_beam

    search = translator.search
    if beam is not None:
        search = replace(as_beam(search), beam_size=beam)
    if length_penalty is not None:
        search = replace(as_beam(search), length_penalty=length_penalty)
    return search


def load_translator(folder: Path) -> TextTranslator:
    """What translates with a folder: that of a trained model, or of an export.

    Raises:
        ValueError: It is neither, or damaged.
    """
    from keras_s2s.export.artifact import MANIFEST, find_export, read_manifest
    from keras_s2s.export.formats import FORMATS

    if (find_export(folder) / MANIFEST).is_file():
        form = FORMATS[read_manifest(folder)["kind"]]
        if form.needs_tensorflow:
            load_tensorflow()
        with without_remarks():
            translator = form.runner.load()(folder)
            translator.translate(["."], search=Greedy(), maximum_length=1)  # Runtimes speak up now.
            return translator
    return load_trained([folder])[0]


def load_trained(folders: list[Path]) -> list[Translator]:
    """The translators that were saved in folders.

    Raises:
        ValueError: One holds none, or is damaged.
    """
    from keras_s2s.export.artifact import MANIFEST, find_export
    from keras_s2s.inference.storage import TRANSLATOR, read_description

    for folder in folders:  # Checked before TensorFlow is imported, which takes seconds.
        if (find_export(folder) / MANIFEST).is_file():
            raise ValueError(
                "several --model must be trained models, without exports. Received: "
                f"{folder}, an export"
            )
        is_damaged = (folder / "translator.json").exists()
        is_checkpoints = folder.name.endswith(".checkpoints") and folder.is_dir()
        if is_checkpoints or (folder / "checkpoint.json").exists():
            raise ValueError(
                "a training that is not over has no model yet: train --resume ends it. Received: "
                f"{folder}, which holds its checkpoints"
            )
        if not TRANSLATOR.is_in(TRANSLATOR.find(folder)) and not is_damaged:
            raise ValueError(
                "--model must be the folder of a translator or of an export. Received: "
                f"{folder}{'' if folder.exists() else ', which does not exist'}"
            )
        read_description(folder)
    load_tensorflow()
    from keras_s2s.inference.translator import Translator

    return [Translator.load(folder) for folder in folders]


def load_together(folders: list[Path]) -> TextTranslator:
    """What translates with one folder, see `load_translator`, or with several models at once.

    Raises:
        ValueError: One is neither, or damaged; several differ in their tokenizers.
    """
    if len(folders) == 1:
        return load_translator(folders[0])
    translators = load_trained(folders)
    from keras_s2s.inference.bidirectional import decode_together

    return decode_together(translators)

"""A translator that is kept in a folder."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from keras_s2s.inference.pipeline_translator import PipelineTranslator
from keras_s2s.inference.storage import load_parts, save_parts, saved_options

if TYPE_CHECKING:
    from keras_s2s.model import Seq2Seq

AnyTranslator = TypeVar("AnyTranslator", bound="SavedTranslator")


class SavedTranslator(PipelineTranslator):
    """Saves and loads what a subclass is made of: a model, tokenizers and options.

    Attributes:
        samples: Texts of the kind that the model was trained on.
        reverse_target: Whether the model predicts targets from right to left.
    """

    samples: list[str]
    reverse_target: bool = False

    @property
    @abstractmethod
    def model(self) -> Seq2Seq:
        """The model that is saved."""

    @property
    def options(self) -> dict[str, Any]:
        """The numbers that files keep, by their names: those of the search and the longest text."""
        numbers = saved_options(self.search, self.maximum_source_length)
        return {**numbers, **({"reverse_target": True} if self.reverse_target else {})}

    def save(
        self, folder: str | Path, *, write_companions: Callable[[Path], None] | None = None
    ) -> None:
        """Write all that translating needs into a folder: model, tokenizers, options, versions.

        The folder is written aside and renamed, so there is always a whole one, the old or the new.

        Args:
            folder: Made if it does not exist; a translator that was saved there is replaced.
            write_companions: Gets the folder before it takes its place, to write into it what goes
                with a training: `recipe.json`, `history.json`, `history.csv`, `curves.png`,
                `attention.png`.

        Raises:
            ValueError: The folder holds something else, or this is an ensemble.
            OSError: It cannot be written.
        """
        parts = self.model, self.source_tokenizer, self.target_tokenizer
        save_parts(Path(folder), *parts, self.options, self.samples, write_companions)

    @classmethod
    def load(
        cls: type[AnyTranslator],
        folder: str | Path,
        custom_objects: Mapping[str, Any] | None = None,
    ) -> AnyTranslator:
        """Read what `save` wrote, in any process, into a translator with the same translations.

        Args:
            folder: The folder.
            custom_objects: Classes of your own by name: attention, cell, encoder or tokenizer. It
                is not needed for registered classes.

        Raises:
            ValueError: The folder holds none, or a damaged or newer one.
        """
        parts, arguments = load_parts(Path(folder), custom_objects)
        make: Any = cls
        return make(*parts, **arguments)

"""The base class of the translators of exports: folder, tokenizers and search backend."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_s2s.inference.pipeline_translator import PipelineTranslator
from keras_s2s.inference.storage import BEAM
from keras_s2s.inference.translation import Hypothesis
from keras_s2s.search.sample_strategy import Sample
from keras_s2s.search.strategies import Beam, Strategy, beam_size_of
from keras_s2s.text.tokenizers import load_tokenizer

from .artifact import default_limit, find_export, read_manifest
from .forced import ExportForced
from .numpy_search import Step, beam_search
from .runtime_pool import Run

if TYPE_CHECKING:
    import numpy as np

WIDEST = 1000  # Largest beam size, the same in all clients.
# Greedy search scores by probability alone.
GREEDY = Beam(beam_size=1, length_penalty=0.0, coverage_penalty=0.0)


class ExportedTranslator(PipelineTranslator):
    """Translates texts with an export; subclasses run the model.

    Args:
        folder: What an export wrote.
        custom_objects: Tokenizer classes of your own by name, see `load_tokenizer`.

    Raises:
        ValueError: `folder` is no export of this kind, or a damaged one.
    """

    kind: str
    _run: Run

    def __init__(self, folder: str | Path, custom_objects: Mapping[str, Any] | None = None) -> None:
        self.manifest = read_manifest(folder)
        if self.manifest["kind"] != self.kind:
            raise ValueError(
                f"{type(self).__name__} runs {self.kind} exports. "
                f"Received: {str(folder)!r}, of kind {self.manifest['kind']!r}."
            )
        self.folder = find_export(folder)
        names = self.manifest["tokenizers"]
        self.source_tokenizer = load_tokenizer(self.folder / names["source"], custom_objects)
        self.target_tokenizer = load_tokenizer(self.folder / names["target"], custom_objects)
        options = self.manifest["options"]
        self.search = Beam(**{name: options[name] for name in BEAM})
        self.default_limit = default_limit(self.manifest)
        # A LiteRT file reads no more than the largest length that it was made for.
        lengths = self.manifest.get("lengths") or [options["maximum_source_length"]]
        self.maximum_source_length = lengths[-1]
        logits = self.manifest["signatures"]["decode_step"]["outputs"].get("logits", {})
        size = self.target_tokenizer.vocabulary_size
        if logits.get("shape", [size])[-1] != size:
            raise ValueError(
                f"The model and its target tokenizer need the same vocabulary. Received: "
                f"{self.folder}, logits {logits} and a tokenizer of {size} ids. Export it again."
            )

    def __getstate__(self) -> dict[str, Any]:
        """All but the runtime, which another process opens anew."""
        kept = {name: value for name, value in self.__dict__.items() if name != "_run"}
        return {**kept, "folder": self.folder.resolve()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)
        self._run = self.open()

    @abstractmethod
    def open(self) -> Run:
        """A function that runs the model files, for any number of threads."""

    @property
    def has_attention(self) -> bool:
        """Whether the model has attention weights to return."""
        return "attention" in self.manifest["signatures"]["decode_step"]["outputs"]

    def search_backend(self) -> ExportBackend:
        """The search around the exported functions."""
        return ExportBackend(self)

    def forced_backend(self) -> ExportForced:
        """What computes the probabilities of given targets, see `keras_s2s.inference.forced`."""
        return ExportForced(self)

    @abstractmethod
    def start(self, ids: list[int], width: int) -> tuple[Step, np.ndarray]:
        """Encode one source.

        Args:
            ids: Its ids, end mark included.
            width: The most partial hypotheses that a step will be taken for.

        Returns:
            The step, and the state `[N]` before the first.
        """

    def decode(
        self, ids: list[int], limit: int, search: Beam, n_best: int, prefix: list[int]
    ) -> list[Hypothesis]:
        """The best hypotheses of one source.

        Args:
            ids: Its ids, end mark included.
            limit: Longest hypothesis in tokens, end mark included.
            search: Beam size, penalties and constraints.
            n_best: The most hypotheses.
            prefix: Ids that the hypotheses begin with.
        """
        step, state = self.start(ids, search.beam_size)
        return beam_search(step, state, limit, search, n_best=n_best, prefix=prefix)


class ExportBackend:
    """Decodes with an export, one source after the other; see `SearchBackend`.

    Args:
        translator: The translator that runs the model.
    """

    maximum_batch_size = 1

    def __init__(self, translator: ExportedTranslator) -> None:
        self._translator = translator
        self.has_attention = translator.has_attention

    def check(self, search: Strategy) -> None:
        """Raise ValueError for a search that exports do not have."""
        if isinstance(search, Sample):
            raise ValueError(
                "An export decodes by greedy or beam search. "
                "Received: a Sample. Sample with the trained model."
            )
        if beam_size_of(search) > WIDEST:
            raise ValueError(
                f"`beam_size` must be at most {WIDEST:,} with an export. "
                f"Received: beam_size={beam_size_of(search)}"
            )

    def find(
        self,
        sources: list[list[int]],
        limits: np.ndarray,
        positions: np.ndarray,
        search: Strategy,
        n_best: int,
        attention: bool,
        prefixes: list[list[int]] | None = None,
    ) -> Iterator[list[Hypothesis]]:
        """Decode sources, see `SearchBackend`; attention weights come with every hypothesis."""
        beam = replace(GREEDY, constraints=search.constraints)
        if isinstance(search, Beam) and search.beam_size > 1:
            beam = search
        given = prefixes or [[]] * len(sources)
        for ids, limit, prefix in zip(sources, limits.tolist(), given, strict=True):
            yield self._decode(ids, limit, beam, n_best, prefix)

    def _decode(
        self, ids: list[int], limit: int, search: Beam, n_best: int, prefix: list[int]
    ) -> list[Hypothesis]:
        """Decode one source; a model file from elsewhere may raise any exception."""
        folder, tokenizer = self._translator.folder, self._translator.source_tokenizer
        try:
            found = self._translator.decode(ids, limit, search, n_best, prefix)
        except MemoryError:
            raise
        except Exception as error:
            raise ValueError(
                f"The model can't be run. Received: {folder}: {error!r}. Export it again."
            ) from error
        if not found:
            raise ValueError(
                f"The model must give numbers. Received: {folder}, which gives none to "
                f"{tokenizer.pieces(ids)}. Export it again."
            )
        return found

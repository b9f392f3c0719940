"""What a training reads: its pairs, and what goes with each of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keras_s2s.data.pairs import Pairs

if TYPE_CHECKING:
    from keras_s2s.data.prepared_corpus import PreparedCorpus


@dataclass(frozen=True)
class TrainingPairs:
    """The pairs of a training, and what goes with each of them.

    Attributes:
        pairs: Sources and targets, or a prepared corpus.
        sample_weight: A weight for each pair; `None` for none, or for those of the prepared corpus.
        alignments: The word alignment of each pair in the Pharaoh format; `None` for none.

    Raises:
        ValueError: There is no pair, or no weight or no alignment for each of them.
    """

    pairs: Pairs | PreparedCorpus
    sample_weight: Sequence[float] | None = None
    alignments: Sequence[str] | None = None

    def __post_init__(self) -> None:
        from keras_s2s.data.aligned_batches import check_alignments
        from keras_s2s.data.line_weights import checked_weights

        if not self.pairs:
            raise ValueError("`pairs` must hold at least one pair. Received: none.")
        if self.sample_weight is not None:
            self._check_memory("Weights", "sample_weight")
            checked_weights(self.sample_weight, len(self.in_memory))
        if self.alignments is not None:
            self._check_memory("Alignments", "alignments")
            check_alignments(self.in_memory, self.alignments)

    @classmethod
    def of(
        cls,
        pairs: Iterable[tuple[str, str]] | PreparedCorpus,
        sample_weight: Sequence[float] | None = None,
        alignments: Sequence[str] | None = None,
    ) -> TrainingPairs:
        """The same of any pairs that can be iterated, such as a `Corpus`."""
        from keras_s2s.data.prepared_corpus import PreparedCorpus

        held = pairs if isinstance(pairs, PreparedCorpus) else list(pairs)
        return cls(held, sample_weight, alignments)

    def _check_memory(self, what: str, name: str) -> None:
        from keras_s2s.data.prepared_corpus import PreparedCorpus

        if isinstance(self.pairs, PreparedCorpus):
            raise ValueError(
                f"{what} go with pairs in memory. Received: {name} with the prepared corpus "
                f"{self.pairs.folder}. Leave them out, or prepare the corpus with them."
            )

    @property
    def is_prepared(self) -> bool:
        """Whether the pairs are a prepared corpus."""
        from keras_s2s.data.prepared_corpus import PreparedCorpus

        return isinstance(self.pairs, PreparedCorpus)

    @property
    def in_memory(self) -> Pairs:
        """The pairs, if they are not a prepared corpus; of that none."""
        from keras_s2s.data.prepared_corpus import PreparedCorpus

        return [] if isinstance(self.pairs, PreparedCorpus) else self.pairs

    def without(self, rows: Collection[int]) -> TrainingPairs:
        """The others than some rows, given by their indices."""

        def others(values: Sequence[Any] | None) -> list[Any] | None:
            if values is None:
                return None
            return [value for row, value in enumerate(values) if row not in rows]

        kept = others(self.sample_weight), others(self.alignments)
        return TrainingPairs(others(self.in_memory) or [], *kept)

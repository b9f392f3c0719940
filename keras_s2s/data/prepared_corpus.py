"""A larger-than-memory corpus on disk, as `keras-s2s prepare` writes it."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from keras_s2s.data.noise import Noise
from keras_s2s.data.sharded_batches import ShardedBatches
from keras_s2s.data.shards import Shard
from keras_s2s.files.artifact_folder import FolderKind, are_names_inside
from keras_s2s.text.options import TextOptions
from keras_s2s.text.tokenizers import SentencePieceTokenizer, Tokenizer, load_tokenizer

PREPARED = FolderKind(
    "a prepared corpus", "prepared.json", "keras-s2s prepared corpus", "keras-s2s prepare"
)
SOURCE, TARGET, SAMPLES = "text/source_tokenizer", "text/target_tokenizer", "text/samples.json"
VALID = "text/valid.tsv"
SHARDS = "shards"
CURE = "Copy the folder again, or prepare the corpus again."
# Options of a recipe that are fixed when a corpus is prepared.
TEXT_OPTIONS = tuple(field.name for field in fields(TextOptions))
YOUNGER_OPTIONS = {"protect"}  # Descriptions may lack them, which means their defaults.
_SLICE = 4096  # texts encoded at once: as Python integers, ids take ten times the memory


class PreparedCorpus:
    """Tokenizers, samples and shards of a corpus that need not fit into memory.

    Args:
        folder: The folder written by `prepare` or `keras-s2s prepare`.

    Attributes:
        folder: The folder.
        pairs: Number of pairs.
        is_weighted: Whether the pairs have weights.
        options: The options of a `Recipe` that it was prepared with.
        source_tokenizer: Tokenizer of the sources.
        target_tokenizer: Tokenizer of the targets.
        samples: Sources of all lengths, saved with a translator.

    Raises:
        ValueError: The folder holds no prepared corpus, or a file of it is missing or damaged. The
            shards are verified when they are read.
        OSError: A file cannot be read.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = PREPARED.find(Path(folder))
        found = read_description(self.folder)
        small = {name: one for name, one in found["sha256"].items() if not _is_shard(name)}
        PREPARED.check_files(self.folder, small, CURE)
        self.options: dict[str, Any] = _options(self.folder, found)
        self.pairs: int = found["pairs"]
        self.is_weighted = "weights" in found
        self.source_tokenizer = load_tokenizer(self.folder / SOURCE)
        self.target_tokenizer = load_tokenizer(self.folder / TARGET)
        self.samples: list[str] = json.loads((self.folder / SAMPLES).read_bytes())
        self._has_valid = VALID in small
        self._shards = [
            Shard(_inside(self.folder, name), sha256)
            for name, sha256 in sorted(found["sha256"].items())
            if _is_shard(name)
        ]

    @property
    def valid_pairs(self) -> list[tuple[str, str]]:
        """The pairs that were held out for validation, see `prepare`; none by default."""
        if not self._has_valid:
            return []
        lines = _inside(self.folder, VALID).read_bytes().decode().split("\n")[:-1]
        pairs = (line.partition("\t") for line in lines)
        return [(source, target) for source, _, target in pairs]

    def first_pairs(self, count: int) -> list[tuple[str, str]]:
        """Returns at most `count` pairs of the first shard; pairs are shuffled over the shards.

        Raises:
            ValueError: The shard is missing or damaged.
        """
        content = self._shards[0].read()
        return list(zip(content.texts("source"), content.texts("target"), strict=True))[:count]

    def batches(
        self,
        *,
        batch_tokens: int = 4096,
        batch_sentences: int | None = None,
        seed: int = 0,
        shuffle: bool = True,
        length_noise: float = 0.05,
        maximum_length: int | None = None,
        subword_sampling: float = 0.0,
        noise: Noise | None = None,
        source_step: int = 1,
        target_step: int = 1,
    ) -> ShardedBatches:
        """Returns batches to train on.

        Args:
            batch_tokens: As for `Batches`, and so are the others but two.
            batch_sentences: As for `Batches`.
            seed: As for `Batches`.
            shuffle: As for `Batches`.
            length_noise: As for `Batches`.
            maximum_length: As for `Batches`.
            subword_sampling: Inverse temperature of the SentencePiece segmentations that are
                sampled anew in each epoch (alpha of Kudo 2018); 0 for always the best one.
            noise: Noise on the words of the sources, other in each epoch; `None` for none.
            source_step: As for `Batches`.
            target_step: As for `Batches`.

        Returns:
            The batches.

        Raises:
            ValueError: An argument is out of range, or a shard is missing or damaged.
        """
        tokenizers = self.source_tokenizer, self.target_tokenizer

        def resample(
            sources: Sequence[str], targets: Sequence[str], number: int
        ) -> tuple[Iterator[list[int]], Iterator[list[int]]]:
            sources = sources if noise is None else noise(sources, number)
            return (
                encode_in_slices(tokenizers[0], sources, alpha, 2 * number),
                encode_in_slices(tokenizers[1], targets, alpha, 2 * number + 1),
            )

        alpha = subword_sampling or None
        is_resampled = noise is not None or (alpha is not None and is_sampled(*tokenizers))
        return ShardedBatches(
            self._shards,
            batch_tokens=batch_tokens,
            batch_sentences=batch_sentences,
            seed=seed,
            shuffle=shuffle,
            length_noise=length_noise,
            maximum_length=maximum_length,
            resample=resample if is_resampled else None,
            source_step=source_step,
            target_step=target_step,
            is_weighted=self.is_weighted,
        )


def is_sampled(*tokenizers: Tokenizer) -> bool:
    """Whether one of the tokenizers can segment a text in several ways."""
    return any(isinstance(one, SentencePieceTokenizer) for one in tokenizers)


def encode_in_slices(
    tokenizer: Tokenizer, texts: Sequence[str], alpha: float | None, seed: int
) -> Iterator[list[int]]:
    """Yields the ids of texts, a slice of them in memory at a time.

    Args:
        tokenizer: The tokenizer.
        texts: Sentences.
        alpha: Inverse temperature of sampled SentencePiece segmentations; None for the best ones.
        seed: Seed of the sampling.

    Yields:
        The ids of each text.
    """
    seeds = random.Random(seed)
    for start in range(0, len(texts), _SLICE):
        part = texts[start : start + _SLICE]
        if alpha is not None and isinstance(tokenizer, SentencePieceTokenizer):
            yield from tokenizer.encode_all(part, alpha=alpha, seed=seeds.getrandbits(31))
        else:
            yield from tokenizer.encode_all(part)


def read_description(folder: Path) -> dict[str, Any]:
    """Read and check the description of a prepared corpus."""
    found = PREPARED.read(folder)
    digests, options = found.get("sha256"), found.get("options")
    needed = {f"{SOURCE}/tokenizer.json", f"{TARGET}/tokenizer.json", SAMPLES}
    if (
        not isinstance(digests, dict)
        or not needed <= set(digests)
        or not are_names_inside(digests)
        or not isinstance(options, dict)
        or not set(TEXT_OPTIONS) - YOUNGER_OPTIONS <= set(options) <= set(TEXT_OPTIONS)
        or not isinstance(found.get("pairs"), int)
    ):
        raise ValueError(
            f"{folder / PREPARED.description} is damaged. Received: wrong files or options. {CURE}"
        )
    return found


def _options(folder: Path, found: dict[str, Any]) -> dict[str, Any]:
    """The options in a description; those that are younger than it have their defaults."""
    try:
        options = TextOptions(**found["options"])
    except (TypeError, ValueError) as error:
        path = folder / PREPARED.description
        raise ValueError(f"{path} is damaged: {error}. {CURE}") from error
    return {name: getattr(options, name) for name in TEXT_OPTIONS}


def _is_shard(name: str) -> bool:
    return name.startswith(f"{SHARDS}/")


def _inside(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"A file must be inside its folder. Received: {path}, a link. {CURE}")
    return path

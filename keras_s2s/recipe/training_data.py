"""Tokenizers, batches and samples, made from pairs of texts by the options of a recipe."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from keras_s2s.data.pairs import choose_samples, encode_pairs, turned
from keras_s2s.recipe.config import Recipe
from keras_s2s.text.train_pair import train_tokenizers

if TYPE_CHECKING:
    from keras_s2s.data.aligned_batches import AlignedBatches
    from keras_s2s.data.batches import Batches
    from keras_s2s.data.contrastive_batches import ContrastiveBatches
    from keras_s2s.data.distilled_batches import DistilledBatches
    from keras_s2s.data.noise import Noise
    from keras_s2s.data.pairs import Pairs
    from keras_s2s.data.prepared_corpus import PreparedCorpus
    from keras_s2s.data.sharded_batches import ShardedBatches
    from keras_s2s.recipe.config import Recipe
    from keras_s2s.recipe.training_pairs import TrainingPairs
    from keras_s2s.text.tokenizers import Tokenizer


class TextSide(NamedTuple):
    """The data that a model is trained on.

    Attributes:
        recipe: The recipe, with the options that a prepared corpus has fixed.
        tokenizers: Those of sources and targets.
        batches: The batches.
        samples: Sources to save with the translator.
    """

    recipe: Recipe
    tokenizers: tuple[Tokenizer, Tokenizer]
    batches: Batches | AlignedBatches | ContrastiveBatches | DistilledBatches | ShardedBatches
    samples: list[str]


def make_text_side(
    data: TrainingPairs,
    recipe: Recipe,
    tokenizers: tuple[Tokenizer, Tokenizer] | None = None,
    teachers: Sequence[Any] = (),
    report: Callable[[str], None] = print,
) -> TextSide:
    """Tokenizers, batches and samples, made from pairs or found in a prepared corpus.

    Args:
        data: The pairs, or a prepared corpus, and what goes with each pair.
        recipe: The options.
        tokenizers: Tokenizers that are trained already; `None` to train them.
        teachers: Translators with these tokenizers from which the model learns.
        report: Receives progress messages.

    Raises:
        ValueError: The corpus contradicts the options.
    """
    from keras_s2s.data.prepared_corpus import PreparedCorpus

    pairs = data.pairs
    if not isinstance(pairs, PreparedCorpus):
        tokenizers = tokenizers or train_tokenizers(pairs, recipe)
        size = max(one.vocabulary_size for one in tokenizers)
        recipe = replace(recipe, vocabulary_size=max(size, recipe.vocabulary_size))
        if teachers:
            batches = _distilled(data, tokenizers, teachers, recipe, report)
            return TextSide(recipe, tokenizers, batches, choose_samples(pairs))
        batches = make_batches(pairs, *tokenizers, recipe, data.sample_weight)
        if data.alignments is not None:
            batches = _aligned(batches, pairs, data.alignments, tokenizers, recipe)
        elif recipe.contrastive_margin is not None:
            batches = _contrastive(batches, pairs, tokenizers[1], recipe)
        return TextSide(recipe, tokenizers, batches, choose_samples(pairs))
    recipe = replace(recipe, **_settled(pairs, recipe))
    batches = pairs.batches(
        batch_tokens=recipe.batch_tokens,
        batch_sentences=recipe.batch_sentences,
        length_noise=recipe.length_noise,
        seed=recipe.seed,
        subword_sampling=recipe.subword_sampling,
        noise=_noise(recipe, pairs.source_tokenizer),
    )
    tokenizers = pairs.source_tokenizer, pairs.target_tokenizer
    return TextSide(recipe, tokenizers, batches, pairs.samples)


def _aligned(
    batches: Batches,
    pairs: Pairs,
    alignments: Sequence[str],
    tokenizers: tuple[Tokenizer, Tokenizer],
    recipe: Recipe,
) -> AlignedBatches:
    from keras_s2s.data.aligned_batches import AlignedBatches, PairAlignments

    found = PairAlignments(pairs, alignments, *tokenizers)
    return AlignedBatches(batches, found, recipe.guided_alignment_decay)


def _contrastive(
    batches: Batches, pairs: Pairs, target: Tokenizer, recipe: Recipe
) -> ContrastiveBatches:
    from keras_s2s.data.contrastive_batches import ContrastiveBatches

    return ContrastiveBatches(batches, pairs, target, recipe.seed)


def _distilled(
    data: TrainingPairs,
    tokenizers: tuple[Tokenizer, Tokenizer],
    teachers: Sequence[Any],
    recipe: Recipe,
    report: Callable[[str], None],
) -> DistilledBatches:
    from keras_s2s.data.distilled_batches import DistilledBatches
    from keras_s2s.inference.teachers import pseudo_pairs, read_teachers

    pairs, weights = data.in_memory, data.sample_weight
    made = pseudo_pairs(teachers, pairs, recipe.pseudo_sources, recipe.seed, report)
    pairs = [*pairs, *made]
    weights = None if weights is None else [*weights, *(1.0 for _ in made)]
    batches = make_batches(pairs, *tokenizers, recipe, weights, fixed_targets=True)
    found = read_teachers(teachers, *encode_pairs(pairs, *tokenizers), report)
    return DistilledBatches(batches, found, recipe.distillation_weight, recipe.label_smoothing)


def _settled(prepared: PreparedCorpus, recipe: Recipe) -> dict[str, str | int | bool | None]:
    """The options that a corpus was prepared with; the recipe must not contradict them."""
    for name, value in prepared.options.items():
        if getattr(recipe, name) not in (value, getattr(type(recipe), name)):
            raise ValueError(
                f"`{name}` was settled when the corpus was prepared: {value!r}. Received: "
                f"{name}={getattr(recipe, name)!r}. Leave it out, or prepare the corpus again."
            )
    return prepared.options


def _noise(recipe: Recipe, source: Tokenizer) -> Noise | None:
    """The noise on the sources; `None` for none."""
    from keras_s2s.data.noise import Noise

    noise = Noise(
        drop=recipe.noise_drop,
        swap=recipe.noise_swap,
        mask=recipe.noise_mask,
        seed=recipe.seed,
        protected=source.protected,
    )
    noise.check(source)
    return noise if noise.changes else None


@contextmanager
def own_errors(batches: object) -> Iterator[None]:
    """Raise the original error of a damaged shard in place of TensorFlow's error."""
    try:
        yield
    except Exception as error:
        cause = getattr(batches, "error", None)
        if cause is None:
            raise
        raise cause from error


def make_batches(
    pairs: Pairs,
    source: Tokenizer,
    target: Tokenizer,
    recipe: Recipe,
    sample_weight: Sequence[float] | None = None,
    *,
    fixed_targets: bool = False,
) -> Batches:
    """The batches to train on, with new segmentations and noise in every epoch if asked for.

    With `fixed_targets` those of the targets stay.
    """
    from keras_s2s.data.batches import Batches
    from keras_s2s.text.tokenizers import SentencePieceTokenizer

    has_subwords = any(isinstance(one, SentencePieceTokenizer) for one in (source, target))
    sampled = recipe.subword_sampling > 0 and has_subwords
    noise = _noise(recipe, source)
    sources, targets = zip(*pairs, strict=True)

    def draw(tokenizer: Tokenizer, lines: Sequence[str], seed: int) -> list[list[int]]:
        if sampled and isinstance(tokenizer, SentencePieceTokenizer):
            return tokenizer.encode_all(lines, alpha=recipe.subword_sampling, seed=seed)
        return tokenizer.encode_all(lines)

    def resample(epoch: int) -> tuple[list, list]:
        texts = noise(sources, epoch) if noise else sources
        if fixed_targets:
            return draw(source, texts, 2 * epoch), target_ids
        again = draw(target, targets, 2 * epoch + 1)
        return draw(source, texts, 2 * epoch), turned(again) if recipe.reverse_target else again

    source_ids, target_ids = encode_pairs(pairs, source, target, recipe.reverse_target)
    return Batches(
        source_ids,
        target_ids,
        batch_tokens=recipe.batch_tokens,
        batch_sentences=recipe.batch_sentences,
        length_noise=recipe.length_noise,
        seed=recipe.seed,
        sample_weight=sample_weight,
        resample=resample if sampled or noise else None,
    )

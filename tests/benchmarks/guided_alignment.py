"""Measure how much guided alignment lowers the alignment error rate (AER) of a training.

    python tests/benchmarks/guided_alignment.py [--steps 400] [--pairs 4000] [--seed 1]

The corpus is made: each word of a source language has one of a target language, and every
adjective, with the noun behind it, changes places with the noun, so that the alignment is known.
The words of the target have two or three subwords. Models that differ in nothing else are trained
for the same number of steps, with and without alignments, and align sentences that they have not
seen. The table has, for each model, the AER and the perplexity of these sentences.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import warnings
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from keras_s2s.data.alignments import read_links
from keras_s2s.evaluation.alignment import align, alignment_error_rate
from keras_s2s.evaluation.likelihood import likelihood
from keras_s2s.recipe.config import Recipe
from keras_s2s.recipe.train import train

SYLLABLES = [a + b for a in "bdfgklmnprst" for b in "aeiou"]
KINDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Luong", {}),
    ("Luong, input feeding", {"input_feeding": True}),
    ("Bahdanau", {"attention": "bahdanau"}),
)
GUIDES = (("without", False, 1.0), ("weight 1", True, 1.0), ("weight 1, decay 0.9", True, 0.9))


def make_lexicon(draw: random.Random) -> dict[str, list[tuple[str, str]]]:
    """Words of two languages by their kind, 60 of each."""

    def word() -> str:
        return "".join(draw.choices(SYLLABLES, k=draw.randint(2, 3)))

    return {kind: [(word(), word()) for _ in range(60)] for kind in ("adjective", "noun", "verb")}


def make_corpus(
    lexicon: dict[str, list[tuple[str, str]]], count: int, seed: int
) -> tuple[list[tuple[str, str]], list[str]]:
    """Pairs and their alignments."""
    draw = random.Random(seed)
    pairs, alignments = [], []
    for _ in range(count):
        source, target, links = [], [], []
        for kind in draw.choices(("noun", "verb", "both"), k=draw.randint(2, 5)):
            kinds = ("adjective", "noun") if kind == "both" else (kind,)
            words = [draw.choice(lexicon[one]) for one in kinds]
            start = len(source)
            source += [word for word, _ in words]
            target += [word for _, word in reversed(words)]
            links += [(start + len(words) - 1 - i, start + i) for i in range(len(words))]
        pairs.append((" ".join(source), " ".join(target)))
        alignments.append(" ".join(f"{i}-{j}" for i, j in links))
    return pairs, alignments


def main() -> None:
    """Train the models and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=int, default=400, help="training steps of each model")
    parser.add_argument("--pairs", type=int, default=4000, help="pairs to train on")
    parser.add_argument("--seed", type=int, default=1)
    words = parser.parse_args()
    lexicon = make_lexicon(random.Random(words.seed))
    pairs, lines = make_corpus(lexicon, words.pairs, words.seed + 1)
    test, test_lines = make_corpus(lexicon, 200, words.seed + 2)
    given = [read_links(line, 99, 99) for line in test_lines]
    warnings.simplefilter("ignore")
    print(
        f"{words.steps} steps\n\n| attention | alignments | AER | perplexity |\n|---|---|---|---|"
    )
    batch = 50
    for name, options in KINDS:
        for label, is_guided, decay in GUIDES:
            recipe = Recipe(
                units=64,
                embedding_dimension=64,
                vocabulary_size=300,
                batch_sentences=batch,
                epochs=max(1, words.steps * batch // words.pairs),
                patience=1_000,
                learning_rate=5e-3,
                dropout=0.2,
                seed=words.seed,
                guided_alignment_decay=decay if is_guided else 1.0,
                **options,  # pyright: ignore[reportArgumentType]
            )
            with tempfile.TemporaryDirectory() as folder:
                translator = train(
                    pairs,
                    test,
                    Path(folder) / "model",
                    recipe,
                    alignments=lines if is_guided else None,
                    report=lambda _: None,
                )
            error = alignment_error_rate([one.links for one in align(translator, test)], given)
            perplexity = likelihood(translator, *map(list, zip(*test, strict=True))).perplexity
            print(f"| {name} | {label} | {error:.3f} | {perplexity:.3f} |", flush=True)


if __name__ == "__main__":
    main()

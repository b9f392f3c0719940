"""Sentences to verify an artifact with, and the file of their expected translations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_s2s.special_ids import END_ID
from keras_s2s.text.tokenizers import Tokenizer

GOLDEN = "golden.json"
FIRST_ID = 4  # The first id that is not special.
RANDOM_SENTENCES = 40
MOST_SENTENCES = 100
HARD_TEXTS = (
    "a",
    "  two   blanks\tand a tab ",
    "naïve café — “quoted” … №5 ½",
    "e\u0301 is \u00e9",  # The same letter, decomposed and composed.
    "한국어 문장입니다.",
    "\u1112\u1161\u11ab\u1100\u116e\u11a8",  # Hangul as jamo.
    "日本語とＦｕｌｌｗｉｄｔｈ",
    "שלום עולם, مرحبا بالعالم",
    "👩‍👩‍👧‍👦 🇰🇷 👍🏽",
    "x" * 30,
)


def sample_sources(
    translator: Any, samples: Iterable[str], longest: int
) -> tuple[list[str], list[list[int]]]:
    """Texts, and their ids with end mark; blank texts and those above `longest` are left out.

    Without samples these are the translator's own; if it has none, random sequences of tokens of
    the source vocabulary.
    """
    tokenizer = translator.source_tokenizer
    given = (list(samples) or translator.samples)[:MOST_SENTENCES]
    texts = [*(given or _random_texts(tokenizer, longest)), *HARD_TEXTS]
    sources = [[*ids, END_ID] if ids else [] for ids in tokenizer.encode_all(texts)]
    kept = [i for i, ids in enumerate(sources) if 0 < len(ids) <= longest]
    if not kept:
        raise ValueError(
            "An export is verified with texts. Received: none of at most "
            f"{longest} tokens, end mark included. Allow longer ones, or give shorter samples."
        )
    return [texts[i] for i in kept], [sources[i] for i in kept]


def _random_texts(tokenizer: Tokenizer, longest: int) -> list[str]:
    random = np.random.default_rng(1)
    texts = []
    for _ in range(RANDOM_SENTENCES):
        count = int(random.integers(1, longest))
        ids = random.integers(FIRST_ID, tokenizer.vocabulary_size, count)
        texts.append(tokenizer.decode(ids.tolist()))
    return texts


def write_golden_vectors(
    path: Path,
    translator: Any,
    texts: Sequence[str],
    sources: Sequence[Sequence[int]],
    answers: Sequence[Any],
) -> None:
    """Write, for each text, its ids, and the greedy translation as ids and as text.

    A "sample" is a text like those of the training; the others test the tokenizers.
    """
    vectors = [
        {
            "text": text,
            "sample": text not in HARD_TEXTS,
            "ids": list(source),
            "answer_ids": answer.ids,
            "answer": translator.target_tokenizer.decode(answer.ids),
        }
        for text, source, answer in zip(texts, sources, answers, strict=True)
    ]
    path.write_text(json.dumps(vectors, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

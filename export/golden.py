"""Sentences to try an artifact with, and the file that says what it must answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_s2s.special_ids import END_ID

GOLDEN = "golden.json"
FIRST_ID = 4  # Of those that stand for text.
RANDOM_SENTENCES = 40
MOST_SENTENCES = 100
HARD_TEXTS = (
    "a",
    "  two   blanks\tand a tab ",
    "naïve café — “quoted” … №5 ½",
    "e\u0301 is \u00e9",  # The same letter, written twice.
    "한국어 문장입니다.",
    "\u1112\u1161\u11ab\u1100\u116e\u11a8",  # The same in jamo.
    "日本語とＦｕｌｌｗｉｄｔｈ",
    "שלום עולם, مرحبا بالعالم",
    "👩‍👩‍👧‍👦 🇰🇷 👍🏽",
    "x" * 30,
)


def sample_sources(
    translator: Any, samples: Iterable[str], longest: int
) -> tuple[list[str], list[list[int]]]:
    """Texts, and their ids with end mark, at most `longest`; blank and longer texts are left out.

    Without samples these are the translator's own, and if it has none, texts of pieces that the
    source tokenizer knows, drawn by chance.
    """
    tokenizer = translator.source_tokenizer
    texts = (list(samples) or translator.samples)[:MOST_SENTENCES]
    if not texts:
        random = np.random.default_rng(1)
        for _ in range(RANDOM_SENTENCES):
            count = int(random.integers(1, longest))
            texts.append(
                tokenizer.decode(
                    random.integers(FIRST_ID, tokenizer.vocabulary_size, count).tolist()
                )
            )
    texts += HARD_TEXTS
    sources = [[*ids, END_ID] if ids else [] for ids in tokenizer.encode_all(texts)]
    kept = [i for i, ids in enumerate(sources) if 0 < len(ids) <= longest]
    if not kept:
        raise ValueError(
            "An export is tried with texts. Received: none of at most "
            f"{longest} tokens, end mark included. Allow longer ones, or give shorter samples."
        )
    return [texts[i] for i in kept], [sources[i] for i in kept]


def write_golden_vectors(
    path: Path,
    translator: Any,
    texts: Sequence[str],
    sources: Sequence[Sequence[int]],
    answers: Sequence[Any],
) -> None:
    """Write for each text its ids, the ids that the artifact answers greedily, and their text.

    A "sample" is a text of the kind that the model is for; the others try the tokenizers.
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

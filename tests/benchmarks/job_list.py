"""The jobs of jobs.py: their files, test sets and scores."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple


class Job(NamedTuple):
    """A corpus and how it is scored.

    Attributes:
        folder: Where its files are.
        training: Its training files, as options of `keras-s2s train`.
        tests: Names of the test sets, and their files as options of `keras-s2s evaluate`.
        scores: The scores to print, of those that `evaluate` knows.
        language: That of the targets, for the tokenizer of BLEU.
    """

    folder: str
    training: tuple[str, ...]
    tests: dict[str, tuple[str, ...]]
    scores: tuple[str, ...]
    language: str = "en"


def tsv(folder: str, prefix: str = "", valid: str = "valid", group: bool = False) -> Job:
    """A job whose targets are spelled."""
    names = (f"{prefix}train.tsv", f"{prefix}{valid}.tsv", f"{prefix}test.tsv")
    more = ("--group",) if group else ()
    return Job(
        folder,
        ("--tsv", names[0], "--valid-tsv", names[1]),
        {"test": ("--tsv", names[2], *more)},
        ("sequence_error_rate",),
    )


def lines(
    folder: str,
    sides: tuple[str, str],
    language: str,
    *,
    valid: str = "valid",
    tests: Iterable[str] = ("test",),
    scores: tuple[str, ...] = ("bleu", "bleu_lowercased_tokenized"),
    more: tuple[str, ...] = (),
) -> Job:
    """A job of parallel files of lines."""
    source, target = sides
    files = [f"{split}.{side}" for split in ("train", valid) for side in sides]
    options = ("--source", "--target", "--valid-source", "--valid-target")
    return Job(
        folder,
        tuple(word for pair in zip(options, files, strict=True) for word in pair),
        {
            one: ("--source", f"{one}.{source}", "--target", f"{one}.{target}", *more)
            for one in tests
        },
        scores,
        language,
    )


FLICKR = ("test_2016_flickr", "test_2017_flickr")
ROUGE = ("rouge_1", "rouge_2", "rouge_l")
JOBS = {
    "cmudict": tsv("cmudict_standard", group=True),
    "hungarian": tsv("sigmorphon2020_g2p", "hun_", "dev"),
    "french": tsv("sigmorphon2020_g2p", "fre_", "dev"),
    "korean": tsv("sigmorphon2020_g2p", "kor_", "dev"),
    "names": tsv("names_russian"),
    "inflection": tsv("inflection_hungarian"),
    "multi30k-de": lines("multi30k", ("en", "de"), "de", valid="val", tests=FLICKR),
    "multi30k-fr": lines("multi30k", ("en", "fr"), "fr", valid="val", tests=FLICKR),
    "spanish": lines("tatoeba_spa", ("en", "es"), "es", more=("--group",)),
    "en-ko": lines("tatoeba_kor", ("en", "ko"), "ko", more=("--group",)),
    "ko-en": lines("tatoeba_kor", ("ko", "en"), "en", more=("--group",)),
    "chat": lines("songys_chatbot_ko", ("src", "tgt"), "ko", more=("--perplexity",)),
    "titles": lines("scitldr", ("abstract", "title"), "en", valid="dev", scores=ROUGE),
    "dates": tsv("dates"),
}


def write_dates(folder: Path) -> None:
    """Write the dates of the demo as the files of a job."""
    from keras_s2s.experiments.dates import date_splits

    folder.mkdir(parents=True, exist_ok=True)
    splits = date_splits(1)
    for name in ("train", "valid", "test"):
        text = "".join(f"{source}\t{target}\n" for source, target in getattr(splits, name))
        (folder / f"{name}.tsv").write_text(text, encoding="utf-8")

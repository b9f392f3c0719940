"""Fine-tune a Multi30k model on 1,000 sentences of another domain, and compare with its rivals.

    pip download --no-deps --dest WORK django==5.2.19 wagtail==8.0.1
    .venv/bin/python tests/benchmarks/fine_tune.py --work WORK [--data FOLDER] [--quick]

The other domain are the messages of a website's administration, English and German, from the
catalogs of two packages under the BSD licence (`WORK/*.whl`; Babel reads them). Of the messages
without placeholders, 1,000 are for training, 150 for validation and 400 for the test; no source is
in two of these. The models, with fixed seeds and numbers of steps:

- Multi30k: trained on its 29,000 pairs, not on messages;
- messages alone: trained on the 1,000 messages;
- fine-tuned: the first one, trained further on the 1,000 messages, with its vocabulary kept or
  extended, with the encoder frozen, or at the default learning rate;
- mixed: the same on the messages and 1,000 pairs of Multi30k.

Prints BLEU and chrF (greedy search) on the test of the messages and on test_2016_flickr, and the
number of epochs of each training. Started again, it goes on with the training that was stopped.
With `--quick`, everything is so small that only the program is tried.
"""

from __future__ import annotations

import argparse
import io
import random
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compare import table

if TYPE_CHECKING:
    from keras_s2s import Recipe, Start

Pairs = list[tuple[str, str]]
DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "multi30k"
PLACEHOLDERS = set("%{}<>`\\\n")
TRAIN, VALID, TEST, OLD = 1000, 150, 400, 1000


def read_multi30k(data: Path, split: str) -> Pairs:
    """The pairs of a split."""
    sides = [(data / f"{split}.{one}").read_text("utf-8").split("\n")[:-1] for one in ("en", "de")]
    return [(source.strip(), target.strip()) for source, target in zip(*sides, strict=True)]


def read_messages(work: Path) -> Pairs:
    """All messages and their translations, in a random order."""
    found = {pair for path in sorted(work.glob("*.whl")) for pair in catalog_pairs(path)}
    if not found:
        raise SystemExit(f"there are no wheels in {work}: see the first lines of this program")
    pairs = sorted(found)
    random.Random(1).shuffle(pairs)
    return pairs


def catalog_pairs(wheel: Path) -> Iterator[tuple[str, str]]:
    """The messages without placeholders of a package."""
    from babel.messages.pofile import read_po

    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.endswith("/de/LC_MESSAGES/django.po")]
        for name in names:
            for message in read_po(io.BytesIO(archive.read(name))):
                texts = message.id, message.string
                if message.fuzzy or not all(isinstance(text, str) for text in texts):
                    continue
                source, target = (str(text).strip() for text in texts)
                if source and target and not PLACEHOLDERS & {*source, *target}:
                    yield source, target


def split(messages: Pairs, counts: dict[str, int]) -> dict[str, Pairs]:
    """Messages for training, validation and test; all of one source are in one of them."""
    from keras_s2s import hold_out

    rest, test = hold_out(messages, counts["test"] / len(messages), seed=1)
    rest, valid = hold_out(rest, counts["valid"] / len(rest), seed=2)
    return {"train": rest[: counts["train"]], "valid": valid, "test": test}


def scores(translator: Any, tests: dict[str, Pairs]) -> list[str]:
    """BLEU and chrF on each test."""
    from keras_s2s import Greedy
    from keras_s2s.evaluation.scores import score

    cells = []
    for pairs in tests.values():
        answers = translator.translate([source for source, _ in pairs], search=Greedy())
        found = score(answers, [target for _, target in pairs], language="de")
        cells += [f"{found.bleu:.1f}", f"{found.chrf:.1f}"]
    return cells


def runs_of(
    work: Path, old: Pairs, old_valid: Pairs, new: dict[str, Pairs], few: int
) -> list[tuple[str, Pairs, Pairs, Recipe, Start | None]]:
    """Each training: its name, its pairs, those of the validation, the recipe, and the start."""
    from keras_s2s import Recipe, Start

    size: dict[str, Any] = {"units": 256, "embedding_dimension": 128, "dropout": 0.3}
    # 1,000 messages fill few batches: both kinds of training go over them many times.
    long: dict[str, Any] = {"epochs": max(1, 80 // few), "batch_tokens": 512, "patience": 20}
    # Messages have little in common with captions: the rate is that of a new model.
    tuned = Recipe(**long, dropout=0.3, learning_rate=2e-3)
    alone = Recipe(**long, **size, vocabulary_size=2000)
    base = Recipe(**size, epochs=max(1, 10 // few))
    mixed = random.Random(1).sample(old, OLD // few) + new["train"]
    start = work / "multi30k"
    starts = {
        "fine-tuned": (tuned, Start(translator=start)),
        "fine-tuned, extended": (tuned, Start(translator=start, vocabulary="extend")),
        "fine-tuned, frozen encoder": (tuned, Start(translator=start, freeze=["encoder"])),
        "fine-tuned, rate 0.0005": (replace(tuned, learning_rate=None), Start(translator=start)),
    }
    return [
        ("multi30k", old, old_valid, base, None),
        ("messages alone", new["train"], new["valid"], alone, None),
        *((name, new["train"], new["valid"], *how) for name, how in starts.items()),
        ("fine-tuned, mixed", mixed, new["valid"], tuned, Start(translator=start)),
    ]


def main() -> None:
    """Train all models and print the table."""
    from keras_s2s import train
    from keras_s2s.recipe.resume import Run

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    few = 20 if given.quick else 1
    old, old_valid = read_multi30k(given.data, "train"), read_multi30k(given.data, "val")
    new = split(read_messages(given.work), {"train": TRAIN, "valid": VALID, "test": TEST})
    tests = {"messages": new["test"], "Multi30k": read_multi30k(given.data, "test_2016_flickr")}
    if given.quick:
        old, old_valid = old[:1000], old_valid[:50]
        tests = {name: pairs[:20] for name, pairs in tests.items()}
    rows = []
    for name, pairs, valid, recipe, begun in runs_of(given.work, old, old_valid, new, few):
        folder = given.work / name.replace(",", "").replace(" ", "-")
        translator = train(pairs, valid, folder, recipe, start=begun, run=Run(resume=True))
        epochs = len((folder / "history.csv").read_text("utf-8").splitlines()) - 1
        rows.append([name, f"{len(pairs):,}", *scores(translator, tests), str(epochs)])
        print(*rows[-1], sep=" | ", flush=True)
    heads = ["model", "pairs", *(f"{test}, {one}" for test in tests for one in ("BLEU", "chrF"))]
    print(table([[*heads, "epochs"], *rows]))


if __name__ == "__main__":
    main()

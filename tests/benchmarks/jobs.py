"""Train each job with no option, score it, and print the table of docs/results.

    .venv/bin/python tests/benchmarks/jobs.py --work WORK [--data FOLDER] [--only JOB ...]
        [--seeds 3] [--effort normal] [--prefer OPTION=VALUE ...]

One training at a time, by the command line: `keras-s2s train` with the files of the job, and a seed
from the second one on. Then `keras-s2s evaluate` on each test set, and an int8 LiteRT export with
its size and its speed. What is done is kept in WORK/results.json, and a training that was stopped
resumes: started again, the program goes on. `--prefer` passes options to the training, for
experiments; their results are kept apart.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from compare import table

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
COMMAND = str(Path(sys.executable).with_name("keras-s2s"))
SPEED_LINES = 200  # sources that the export translates for its speed


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


def placed(words: Iterable[str], folder: Path) -> list[str]:
    """Options whose files are in a folder."""
    return [word if word.startswith("--") else str(folder / word) for word in words]


def run(*words: str) -> float:
    """Run a command of keras-s2s; the seconds that it took."""
    start = time.monotonic()
    subprocess.run([COMMAND, *words], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - start


def measure(job: Job, data: Path, folder: Path, options: list[str]) -> dict[str, Any]:
    """Train a job, unless it is trained, score it and export it."""
    began = time.monotonic()
    model, scores = folder / "model", folder / "scores.json"
    run("train", *placed(job.training, data), "--output", str(model), "--resume", *options)
    found: dict[str, Any] = {"train_seconds": time.monotonic() - began}
    for name, files in job.tests.items():
        words = ("--language", job.language, "--json", str(scores))
        run("evaluate", "--model", str(model), *placed(files, data), *words)
        found[name] = json.loads(scores.read_text("utf-8"))
    history = json.loads((model / "history.json").read_text("utf-8"))
    recipe = json.loads((model / "recipe.json").read_text("utf-8"))
    found |= {"epochs": len(history["loss"]), "recipe": recipe}
    return found | measure_export(job, data, model, folder / "int8")


def measure_export(job: Job, data: Path, model: Path, export: Path) -> dict[str, Any]:
    """Size and speed of the int8 export: one text after the other, greedy, without the start."""
    quantized = ("--format", "litert", "--quantize", "int8")
    run("export", "--model", str(model), *quantized, "--output", str(export))
    from keras_s2s import Greedy
    from keras_s2s.export import LiteRTTranslator

    files = next(iter(job.tests.values()))
    path = data / files[files.index("--tsv" if "--tsv" in files else "--source") + 1]
    sources = [line.split("\t")[0] for line in path.read_text("utf-8").split("\n")[:SPEED_LINES]]
    translator = LiteRTTranslator(export)
    translator.translate(sources[:1], search=Greedy())
    start = time.monotonic()
    for source in sources:
        translator.translate([source], search=Greedy())
    size = sum(file.stat().st_size for file in export.rglob("*") if file.is_file())
    return {
        "export_megabytes": size / 1e6,
        "export_milliseconds": 1000 * (time.monotonic() - start) / len(sources),
    }


def shown(values: list[float]) -> str:
    """A mean, with the spread of several seeds."""
    mean = f"{statistics.mean(values):.2f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.2f}"


def percent(name: str, score: float) -> float:
    """A score as it is printed; fractions become percent."""
    return 100 * score if name.endswith("_rate") else score


def row_of(name: str, runs: list[dict[str, Any]]) -> list[str]:
    """The line of a job in the table."""
    job = JOBS[name]
    scores = [
        " / ".join(
            shown([percent(score, one[test][score]) for one in runs]) for score in job.scores
        )
        for test in job.tests
    ]
    return [
        name,
        ", ".join(job.scores),
        "; ".join(scores),
        str(len(runs)),
        shown([float(one["epochs"]) for one in runs]),
        shown([one["train_seconds"] for one in runs]),
        shown([one["export_megabytes"] for one in runs]),
        shown([one["export_milliseconds"] for one in runs]),
    ]


HEADS = ["job", "scores", "tests", "seeds", "epochs", "seconds", "int8, MB", "int8, ms per text"]


def print_table(results: dict[str, Any], label: str) -> None:
    """Print what is measured, with the processor's name."""
    rows = []
    for name in JOBS:
        runs = [one for key, one in results.items() if key.split("|")[:2] == [name, label]]
        rows += [row_of(name, runs)] if runs else []
    print(f"\n{processor()}, {os.cpu_count()} cores, {label}\n")
    print(table([HEADS, *rows]), flush=True)


def processor() -> str:
    """The processor's name and whether it multiplies bfloat16."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return platform.processor()
    name = next(line.split(":")[1] for line in text.splitlines() if line.startswith("model name"))
    kinds = [kind for kind in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if kind in text]
    return f"{name.strip()} ({', '.join(kinds)})"


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n")[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for models and results")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the corpora")
    parser.add_argument("--only", nargs="+", choices=JOBS, default=list(JOBS), metavar="JOB")
    parser.add_argument("--seeds", type=int, default=1, help="number of trainings of each job")
    parser.add_argument("--effort", default="normal")
    parser.add_argument("--prefer", nargs="*", default=[], metavar="OPTION=VALUE")
    given = parser.parse_args()
    label = " ".join([given.effort, *given.prefer])
    kept = given.work / "results.json"
    results = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
    for name in given.only:
        if name == "dates":
            write_dates(given.work / "dates")
        data = (given.work if name == "dates" else given.data) / JOBS[name].folder
        if not data.exists():
            print(f"{name} is left out: there is no {data}")
            continue
        for seed in range(1, given.seeds + 1):
            key = f"{name}|{label}|{seed}"
            if key in results:
                continue
            options = [] if given.effort == "normal" else ["--effort", given.effort]
            options += [f"--{one}" for one in given.prefer]
            options += [] if seed == 1 else ["--seed", str(seed)]
            folder = given.work / name / label.replace(" ", "_") / str(seed)
            folder.mkdir(parents=True, exist_ok=True)
            results[key] = measure(JOBS[name], data, folder, options)
            kept.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
            print_table(results, label)
    print_table(results, label)


if __name__ == "__main__":
    main()

"""Train each job with no option, score it, and print the table of docs/results.

    .venv/bin/python tests/benchmarks/jobs.py --work WORK [--data FOLDER] [--only JOB ...]
        [--seeds 3] [--effort normal] [--prefer OPTION=VALUE ...]

One training at a time, by the command line: `keras-s2s train` with the files of the job, and a seed
from the second one on. Then `keras-s2s evaluate` on each test set, and an int8 LiteRT export with
its size and its speed. With several seeds, all models together are evaluated as an ensemble, too.
What is done is kept in WORK/results.json, and a training that was stopped resumes: started again,
the program goes on. `--prefer` passes options to the training, for experiments; their results are
kept apart.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from compare import table
from job_list import JOBS, Job, write_dates

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
COMMAND = str(Path(sys.executable).with_name("keras-s2s"))
SPEED_LINES = 200  # sources that the export translates for its speed


def placed(words: Iterable[str], folder: Path) -> list[str]:
    """Options whose files are in a folder."""
    return [word if word.startswith("--") else str(folder / word) for word in words]


def run(*words: str, log: Path | None = None) -> None:
    """Run a command of keras-s2s; what it says is appended to a file."""
    if log is None:
        subprocess.run([COMMAND, *words], check=True, stdout=subprocess.DEVNULL)
        return
    with log.open("a", encoding="utf-8") as file:
        subprocess.run([COMMAND, *words], check=True, stdout=file, stderr=file)


def measure(job: Job, data: Path, folder: Path, options: list[str]) -> dict[str, Any]:
    """Train a job, unless it is trained, score it and export it."""
    began = time.monotonic()
    model, scores = folder / "model", folder / "scores.json"
    words = (*placed(job.training, data), "--output", str(model), "--resume", *options)
    log = folder / "train.log"
    run("train", *words, log=log)
    found: dict[str, Any] = {"train_seconds": time.monotonic() - began}
    found |= evaluate(job, data, [model], scores)
    history = json.loads((model / "history.json").read_text("utf-8"))
    recipe = json.loads((model / "recipe.json").read_text("utf-8"))
    batches = re.findall(r"([\d,]+) batch(?:es)? an epoch", log.read_text("utf-8"))[-1]
    steps = min(len(history["loss"]) * int(batches.replace(",", "")), recipe["steps"] or math.inf)
    found |= {"steps": steps, "recipe": recipe}
    return found | measure_export(job, data, model, folder / "int8")


def evaluate(job: Job, data: Path, models: list[Path], scores: Path) -> dict[str, Any]:
    """The scores of a model, or of an ensemble, on each test set."""
    found = {}
    given = [word for model in models for word in ("--model", str(model))]
    for name, files in job.tests.items():
        words = ("--language", job.language, "--json", str(scores))
        run("evaluate", *given, *placed(files, data), *words)
        found[name] = json.loads(scores.read_text("utf-8"))
    return found


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


def shown(values: list[float], digits: int = 2) -> str:
    """A mean, with the standard deviation of several seeds."""
    mean = f"{statistics.mean(values):,.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):,.{digits}f}"


def percent(name: str, score: float) -> float:
    """A score as it is printed; fractions become percent."""
    return 100 * score if name.endswith("_rate") else score


def scores_of(job: Job, runs: list[dict[str, Any]]) -> str:
    """The scores on each test set, with their spread."""
    return "; ".join(
        " / ".join(
            shown([percent(score, one[test][score]) for one in runs]) for score in job.scores
        )
        for test in job.tests
    )


def row_of(name: str, runs: list[dict[str, Any]], together: dict[str, Any] | None) -> list[str]:
    """The line of a job in the table."""
    job = JOBS[name]
    return [
        name,
        ", ".join(job.scores),
        scores_of(job, runs),
        scores_of(job, [together]) if together else "",
        str(len(runs)),
        shown([float(one["steps"]) for one in runs], 0),
        shown([one["train_seconds"] for one in runs], 0),
        shown([one["export_megabytes"] for one in runs]),
        shown([one["export_milliseconds"] for one in runs]),
    ]


HEADS = [
    "job",
    "scores",
    "tests",
    "ensemble",
    "seeds",
    "steps",
    "seconds",
    "int8, MB",
    "ms per text",
]


def print_table(results: dict[str, Any], label: str) -> None:
    """Print what is measured, with the processor's name."""
    rows = []
    for name in JOBS:
        own = {
            key.split("|")[2]: one
            for key, one in results.items()
            if key.startswith(f"{name}|{label}|")
        }
        together = own.pop("ensemble", None)
        rows += [row_of(name, list(own.values()), together)] if own else []
    print(f"\n{processor()}, {threads()}, {label}\n")
    print(table([HEADS, *rows]), flush=True)


def threads() -> str:
    """How many threads TensorFlow computes with."""
    count = os.environ.get("TF_NUM_INTRAOP_THREADS") or len(os.sched_getaffinity(0))
    return f"{count} thread{'' if str(count) == '1' else 's'}"


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
        folder = given.work / name / label.replace(" ", "_")

        def keep(seed: str, found: dict[str, Any], name: str = name) -> None:
            results[f"{name}|{label}|{seed}"] = found
            kept.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
            print_table(results, label)

        seeds = [str(number) for number in range(1, given.seeds + 1)]
        for seed in seeds:
            if f"{name}|{label}|{seed}" not in results:
                options = [] if given.effort == "normal" else ["--effort", given.effort]
                options += [f"--{one}" for one in given.prefer]
                options += [] if seed == "1" else ["--seed", seed]
                (folder / seed).mkdir(parents=True, exist_ok=True)
                keep(seed, measure(JOBS[name], data, folder / seed, options))
        if len(seeds) > 1:
            models = [folder / seed / "model" for seed in seeds]
            keep("ensemble", evaluate(JOBS[name], data, models, folder / "scores.json"))
    print_table(results, label)


if __name__ == "__main__":
    main()

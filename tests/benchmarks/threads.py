"""Measure translators that several threads share: sentences a second with 1, 2, 4 and 8 threads.

    .venv/bin/python tests/benchmarks/threads.py EXPORT [EXPORT ...]

An EXPORT is the folder of a LiteRT, ONNX or SavedModel export. Each thread translates one sentence
at a time, greedily; the sentences are the export's golden texts. `wrong` counts the answers that
differ from those of one thread.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

SENTENCES = 400


def texts_of(folder: Path) -> list[str]:
    """The golden texts of an export, over and over."""
    (golden, *_) = sorted(folder.rglob("golden.json"))
    found = [one["text"] for one in json.loads(golden.read_text(encoding="utf-8"))]
    return list(itertools.islice(itertools.cycle(found), SENTENCES))


def measure(translator: Any, texts: list[str], threads: int) -> tuple[list[str], float, float]:
    """The answers, and the seconds that they took, of the clock and of the processor."""
    from keras_s2s import Greedy

    def answer(text: str) -> str:
        return translator.translate([text], search=Greedy())[0]

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(answer, texts[: 4 * threads]))  # Makes what is made once.
        wall, cpu = time.perf_counter(), time.process_time()
        answers = list(pool.map(answer, texts))
        return answers, time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("exports", type=Path, nargs="+")
    from keras_s2s import export
    from keras_s2s.export.artifact import read_manifest

    kinds = {
        "litert": export.LiteRTTranslator,
        "onnx": export.OnnxTranslator,
        "saved_model": export.SavedModelTranslator,
    }
    print(f"{os.cpu_count()} processors\n")
    print("| export | threads | sentences/s | of one thread | cpu_seconds | wrong |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for folder in parser.parse_args().exports:
        kind = read_manifest(folder)["kind"]
        translator, texts = kinds[kind](folder), texts_of(folder)
        alone: tuple[list[str], float, float] | None = None
        for threads in (1, 2, 4, 8):
            answers, wall, cpu = measure(translator, texts, threads)
            alone = alone or (answers, wall, cpu)
            wrong = sum(a != b for a, b in zip(answers, alone[0], strict=True))
            speed = f"{SENTENCES / wall:.0f} | {alone[1] / wall:.2f}"
            print(f"| {kind} | {threads} | {speed} | {cpu:.1f} | {wrong} |", flush=True)


if __name__ == "__main__":
    main()

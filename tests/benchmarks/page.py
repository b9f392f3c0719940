"""Measure a LiteRT export on the page in Chromium, in Node and in Python.

    .venv/bin/python tests/benchmarks/page.py EXPORT [--beam 1] [--texts FILE] [--rounds 3]

Prints for each the seconds from the start of the process (for Chromium, of a visit with an empty
cache) to the first translation, the milliseconds per token of the translations after it, and the
peak memory of the process that runs the model: medians of the rounds. Then the bytes that a
visitor's browser downloads, without and with gzip.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keras_s2s.export.web.export import site_files
from keras_s2s.export.web.litert_js import install
from keras_s2s.export.web.server import server

MOST_TEXTS = 100
PATIENCE = 60_000  # Milliseconds.
PYTHON = """
import json, resource, sys, time
from keras_s2s import Beam
from keras_s2s.export import LiteRTTranslator
first, *texts = json.load(sys.stdin)
translator = LiteRTTranslator(sys.argv[1])
beam = int(sys.argv[2])
translator.translate([first], search=Beam(beam))
print("first", flush=True)
start, tokens = time.perf_counter(), 0
for (answer,) in translator.stream(texts, search=Beam(beam), attention=translator.has_attention):
    tokens += len(answer.target_pieces)
milliseconds = 1e3 * (time.perf_counter() - start)
peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"milliseconds_a_token": milliseconds / tokens, "tokens": tokens, "bytes": peak}))
"""


def measure_program(command: list[str], texts: list[str]) -> dict[str, float]:
    """Run a program that prints "first" after the first translation, and then its figures."""
    start = time.perf_counter()
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(texts))
        process.stdin.close()
        while process.stdout.readline() != "first\n":
            if process.poll() is not None:
                raise SystemExit(f"{command[0]} ended with {process.returncode}")
        seconds = time.perf_counter() - start
        return {"seconds_to_first": seconds, **json.loads(process.stdout.read().splitlines()[-1])}


def measure_chromium(address: str, texts: list[str], beam: str) -> dict[str, Any]:
    """Visit the page with an empty cache, and translate with its own controls."""
    from playwright.sync_api import expect, sync_playwright

    path = shutil.which("chromium") or shutil.which("google-chrome")
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=path, args=["--no-sandbox"]) as browser,
        browser.new_page() as page,
    ):
        state = page.locator("html")

        def ask(text: str) -> tuple[int, float]:
            page.locator("#source").fill(text)
            page.locator("#source").press("Enter")
            expect(page.locator("#speed")).not_to_be_empty(timeout=PATIENCE)
            expect(state).to_have_attribute("data-state", "ready", timeout=PATIENCE)
            words = page.locator("#speed").inner_text().split()  # "11 tokens, 0.42 ms each"
            return int(words[0]), float(words[2])

        start = time.perf_counter()
        page.goto(address)
        expect(state).to_have_attribute("data-state", "ready", timeout=PATIENCE)
        page.locator("#search").select_option(beam)
        ask(texts[0])
        seconds = time.perf_counter() - start
        answers = [ask(text) for text in texts[1:]]
        tokens = sum(count for count, _ in answers)
        fetched = page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")
        return {
            "seconds_to_first": seconds,
            "milliseconds_a_token": sum(count * each for count, each in answers) / tokens,
            "tokens": tokens,
            "bytes": _peak_of_renderers(browser),
            "fetched": [name.removeprefix(address) for name in fetched if name.startswith(address)],
        }


def _peak_of_renderers(browser: Any) -> int:
    """The peak memory in bytes of a browser's largest renderer process."""
    session = browser.new_browser_cdp_session()
    peaks = [0]
    for one in session.send("SystemInfo.getProcessInfo")["processInfo"]:
        if one["type"] == "renderer":
            lines = Path(f"/proc/{one['id']}/status").read_text().splitlines()
            peak = next(line for line in lines if line.startswith("VmHWM:"))
            peaks.append(1024 * int(peak.split()[1]))
    return max(peaks)


def texts_of(given: argparse.Namespace) -> list[str]:
    """Read the texts to translate."""
    if given.texts is not None:
        return given.texts.read_text(encoding="utf-8").splitlines()[:MOST_TEXTS]
    golden = json.loads((given.export / "golden.json").read_text(encoding="utf-8"))
    return [one["text"] for one in golden][:MOST_TEXTS]


def median_row(name: str, rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the medians of a runtime's figures."""
    keys = ("seconds_to_first", "milliseconds_a_token", "tokens")
    row = {key: round(statistics.median(one[key] for one in rounds), 3) for key in keys}
    megabytes = round(statistics.median(one["bytes"] for one in rounds) / 1e6)
    return {"runtime": name, **row, "peak_megabytes": megabytes}


def main() -> None:
    """Print one line of JSON for each runtime, and one for the downloads."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("export", type=Path)
    parser.add_argument("--texts", type=Path, help="One a line; by default the export's samples.")
    parser.add_argument("--beam", default="1", help="1, or the beam of the export.")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    texts, files = texts_of(given), site_files(given.export)
    arguments = [str(given.export), given.beam]
    fetched = {"index.html"}
    with tempfile.TemporaryDirectory() as place, server(files, 0) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{serving.server_port}/"
        core = str(install(Path(place)) / "@litertjs" / "core")
        node = ["node", str(Path(__file__).with_name("page.mjs")), core, *arguments]
        python = [sys.executable, "-c", PYTHON, *arguments]
        runtimes: dict[str, Callable[[], dict[str, Any]]] = {
            "chromium": lambda: measure_chromium(address, texts, given.beam),
            "node": lambda: measure_program(node, texts),
            "python": lambda: measure_program(python, texts),
        }
        for name, measure in runtimes.items():
            rounds = [measure() for _ in range(given.rounds)]
            fetched |= set(rounds[0].get("fetched", ()))
            print(json.dumps(median_row(name, rounds)), flush=True)
        serving.shutdown()
    contents = [files[name].read_bytes() for name in fetched]
    packed = [gzip.compress(content, 6) for content in contents]
    print(json.dumps({"fetched_bytes": sum(map(len, contents)), "packed": sum(map(len, packed))}))


if __name__ == "__main__":
    main()

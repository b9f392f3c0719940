"""Whatever is in a file or on the command line, it ends in a result or in one line."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).with_name("fuzz.py")
TARGETS = """corpora configurations constraints alignments tokenizers embeddings models
    manifests exports arguments""".split()


def fuzzed(target: str, cases: int, folder: Path) -> dict[str, Any]:
    """How the cases of a target ended."""
    figures = folder / "figures"
    words = [target, "--cases", str(cases), "--json", str(figures)]
    command = [sys.executable, "-W", "ignore", str(PROGRAM), *words]
    subprocess.run(command, check=True, capture_output=True)
    return json.loads(figures.read_bytes())[target]


@pytest.mark.parametrize("target", TARGETS[:6])
def test_a_few_cases_end_in_a_result_or_a_refusal(target: str, tmp_path: Path) -> None:
    found = fuzzed(target, 200, tmp_path)
    assert found["failures"] == []
    assert found["accepted"] and found["refused"]
    assert found["accepted"] + found["refused"] == 200


@pytest.mark.slow  # Some minutes each; 200 cases of three targets are default tests.
@pytest.mark.parametrize("target", TARGETS)
def test_ten_thousand_cases_end_in_a_result_or_a_refusal(target: str, tmp_path: Path) -> None:
    for module in ("onnxruntime", "ai_edge_litert") if target in ("manifests", "exports") else ():
        pytest.importorskip(module)
    found = fuzzed(target, 10_000, tmp_path)
    assert found["failures"] == []
    assert found["accepted"] + found["refused"] == 10_000
    assert found["accepted"] or target == "exports"  # Whose digests tell all damage.
    assert found["memory"] < 2 * 2**30


@pytest.mark.slow  # Some minutes.
def test_a_runtime_that_reads_what_was_made_to_break_it_may_end_the_process_and_no_more(
    tmp_path: Path,
) -> None:
    for module in ("onnxruntime", "ai_edge_litert"):
        pytest.importorskip(module)
    found = fuzzed("trusted_exports", 10_000, tmp_path)
    signals = ("the process ended with SIGSEGV", "the process ended with SIGABRT")
    assert [why for _, why in found["failures"] if why not in signals] == []
    assert len(found["failures"]) < 100


CRASHES = """
import ctypes, pathlib, sys
sys.path.insert(0, sys.argv[1])
from runner import run

def prepare(made):
    def case(random, folder):
        kind = int(random.integers(6))
        if kind == 0:
            ctypes.string_at(0)
        if kind == 1:
            pathlib.Path("beside").write_text("x")
        if kind == 2:
            raise KeyError("no message of ours")
        if kind == 3:
            (folder.parent.parent / "secret.txt").read_text()
        if kind == 4:
            raise ValueError("refused")
    return case

print(*sorted({why.split(":")[0] for _, why in run(prepare, 40, 1)["failures"]}), sep="\\n")
"""


def test_what_a_case_does_to_its_process_and_beside_it_is_seen() -> None:
    command = [sys.executable, "-c", CRASHES, str(PROGRAM.parent)]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert found.splitlines() == [
        "KeyError",
        "a file elsewhere was opened",
        "files beside it",
        "the process ended with SIGSEGV",
    ]

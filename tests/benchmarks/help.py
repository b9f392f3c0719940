"""Measure the processor time of `keras-s2s --help`, beside that of an empty Python program.

    .venv/bin/python tests/benchmarks/help.py

The help should take less than 0.5 s. Prints the least of several runs, in turn: other processes
slow down those that share a core with them.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

from compare import table

SCRIPT = str(Path(sys.executable).with_name("keras-s2s"))
COMMANDS = {
    "an empty program": [sys.executable, "-c", ""],
    "keras-s2s --help": [SCRIPT, "--help"],
    "keras-s2s train --help": [SCRIPT, "train", "--help"],
}
RUNS = 8


def processor_seconds(command: list[str]) -> float:
    """The processor time of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Run the commands in turn and print the table."""
    least = dict.fromkeys(COMMANDS, float("inf"))
    for _ in range(RUNS):
        for name, command in COMMANDS.items():
            least[name] = min(least[name], processor_seconds(command))
    rows = [[name, f"{seconds:.2f}"] for name, seconds in least.items()]
    print(table([["command", "processor time, s"], *rows]))


if __name__ == "__main__":
    main()

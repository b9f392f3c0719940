"""A LiteRT converter that stays: importing TensorFlow anew takes longer than a small model."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

PROGRAM = """
import json, os, sys
from keras_s2s.export.litert.convert import convert
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # What TensorFlow prints.
for line in sys.stdin:
    try:
        convert(*json.loads(line))
        answer = ""
    except Exception as error:
        answer = f"{type(error).__name__}: {error}" or "no message"
    print(json.dumps(answer), file=answers, flush=True)
"""
MOST = 8  # Conversions of a process: the converter leaks.


class Converter:
    """Stands in for `keras_s2s.export.litert.export._run_converter`, which starts a process.

    Args:
        own: That function. It is called where `sys.executable` is another one.
    """

    def __init__(self, own: Callable[[list[str]], None]) -> None:
        self.own = own
        self.executable = sys.executable
        self.process: subprocess.Popen[str] | None = None
        self.count = 0

    def __call__(self, arguments: list[str]) -> None:
        """Convert as the package's own function does."""
        if sys.executable != self.executable:
            self.own(arguments)
            return
        if self.process is None or self.count >= MOST:
            self.close()
            self.process = self._start()
        self.count += 1
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(arguments) + "\n")
        self.process.stdin.flush()
        message = json.loads(self.process.stdout.readline())
        if message or not Path(arguments[1]).is_file():
            raise ChildProcessError(f"The LiteRT converter ended with 1. Received: {message}")

    def _start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.communicate()
        self.process, self.count = None, 0

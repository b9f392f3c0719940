"""LiteRT's Interpreter for a program in another language: `python step_server.py EXPORT`.

A line asks for a function: `SIGNATURE NAME NUMBERS NAME NUMBERS ...` with all that it takes. The
line that answers is `NAME NUMBERS NAME NUMBERS ...` with all that it gives. NUMBERS are a tensor's
bytes, little-endian, in base64, so that nothing is rounded.
"""

import base64
import json
import sys
from pathlib import Path

import numpy as np

from keras_s2s.export.litert.runtimes import interpreter


def main(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    run = interpreter(str(folder / manifest["file"]))
    for line in sys.stdin:
        signature, *words = line.split()
        inputs = manifest["signatures"][signature]["inputs"]
        given = {}
        for name, numbers in zip(words[::2], words[1::2], strict=True):
            values = np.frombuffer(base64.b64decode(numbers), inputs[name]["dtype"])
            given[name] = values.reshape(inputs[name]["shape"])
        for name, values in run(signature, given).items():
            print(name, base64.b64encode(values.tobytes()).decode(), end=" ")
        print(flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

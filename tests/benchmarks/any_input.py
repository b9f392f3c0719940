"""Time and memory of `keras-s2s translate` by the size of its input.

`python tests/benchmarks/any_input.py` translates files of many lines, and of one long line.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WORDS = "the a dog cat runs sleeps in house snow near red blue big small man woman child".split()


def make_model(folder: Path) -> None:
    """Save a small untrained model of the default recipe, in a separate process."""
    code = (
        "import sys\n"
        "from keras_s2s import Greedy, SentencePieceTokenizer, Translator\n"
        "from keras_s2s.recipe.train import Recipe\n"
        "from keras_s2s.recipe.build_model import make_model\n"
        "tokenizer = SentencePieceTokenizer.train([' '.join(sys.argv[2:])])\n"
        "size = tokenizer.vocabulary_size\n"
        "model = make_model(size, size, Recipe(units=64, embedding_dimension=32))\n"
        "Translator(model, tokenizer, tokenizer, search=Greedy()).save(sys.argv[1])\n"
    )
    subprocess.run([sys.executable, "-c", code, str(folder), *WORDS], check=True)


def inputs(folder: Path) -> dict[str, Path]:
    """Write the files to translate; return their paths by description."""
    sentence = " ".join(WORDS[:7])
    held = {
        "1,000 lines": f"{sentence}\n" * 1_000,
        "10,000 lines": f"{sentence}\n" * 10_000,
        "100,000 lines": f"{sentence}\n" * 100_000,
        "a line of 100 kB": f"{sentence} " * 2_600 + "\n",
        "a line of 1 MB": f"{sentence} " * 26_000 + "\n",
        "a line of 10 MB": f"{sentence} " * 260_000 + "\n",
        "a line of 1 MB, one letter": "a" * 10**6 + "\n",
        "a line of 10 MB, one letter": "a" * 10**7 + "\n",
    }
    found = {}
    for number, (name, text) in enumerate(held.items()):
        found[name] = folder / str(number)
        found[name].write_text(text, encoding="utf-8")
    return found


def translated(model: Path, path: Path) -> tuple[float, float, float]:
    """Seconds, processor seconds and peak memory in MB of the whole command."""
    code = (
        "import resource, sys\n"
        "from keras_s2s.cli.main import main\n"
        "try:\n"
        "    main(sys.argv[1:])\n"
        "finally:\n"
        "    used = resource.getrusage(resource.RUSAGE_SELF)\n"
        "    print(used.ru_utime + used.ru_stime, used.ru_maxrss, file=sys.stderr)\n"
    )
    words = ["translate", "--model", str(model), "--input", str(path), "--output", f"{path}.out"]
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code, *words], check=True, capture_output=True, text=True
    )
    seconds = time.monotonic() - begun
    answers = Path(f"{path}.out").read_bytes().count(b"\n")
    if answers != path.read_bytes().count(b"\n"):
        raise ValueError(f"{path} has other lines than its answers. Received: {answers}")
    *_, processor, memory = done.stderr.split()
    return seconds, float(processor), int(memory) / 1000


def main() -> None:
    """Print a row for each input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="a folder; by default a small untrained model")
    given = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        if given.model is None:
            make_model(folder / "model")
        print("| input | seconds | of the processor | peak memory, MB |\n| --- | --- | --- | --- |")
        for name, path in inputs(folder).items():
            seconds, processor, memory = translated(given.model or folder / "model", path)
            print(f"| {name} | {seconds:.1f} | {processor:.1f} | {memory:,.0f} |", flush=True)


if __name__ == "__main__":
    main()

"""Fuzzes one target, or all: `python tests/fuzz/fuzz.py corpora --cases 10000`."""

import argparse
import json
import os
import time

from runner import run
from targets import TARGETS

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"


def main() -> None:
    """Prints a row for each target, and what failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", default=list(TARGETS), metavar="TARGET")
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", help="file for the figures")
    given = parser.parse_args()
    found = {}
    for name in given.targets:
        begun = time.monotonic()
        found[name] = run(TARGETS[name], given.cases, given.seed, given.workers)
        one = found[name]
        print(
            f"| {name} | {given.cases:,} | {one['accepted']:,} | {one['refused']:,} | "
            f"{one['failed']:,} | {one['memory'] / 1e6:,.0f} | {time.monotonic() - begun:,.0f} |",
            flush=True,
        )
        for case, why in one["failures"]:
            print(f"  case {case}: {why}")
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)


if __name__ == "__main__":
    main()

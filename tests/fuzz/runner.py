"""Runs cases in child processes that may die: what a case does to its process is seen."""

import json
import os
import resource
import select
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

SECONDS = 30  # Of a case; what takes longer hangs.
MEMORY = 2 * 2**30  # Bytes that a process may take beside what it has when it begins.
REFUSALS = (ValueError, OSError, ImportError, MemoryError)
LIFE = 1000  # Cases of a process: runtimes keep some memory of every model.
SECRETS = ("secret.txt", "/etc/passwd")

# Makes what all cases share, in a folder, and gives the function that runs one of them: with random
# numbers, in a folder of its own.
Random = np.random.Generator
Case = Callable[[Random, Path], None]
Prepare = Callable[[Path], Case]


def run(prepare: Prepare, cases: int, seed: int, workers: int = 2) -> dict[str, Any]:
    """Run cases and tell how they ended.

    Args:
        prepare: The target.
        cases: How many.
        seed: Case n is drawn from `[seed, n]`.
        workers: Processes.

    Returns:
        "accepted", "refused" and "failed" with their numbers, "memory" in bytes at most, and
        "failures": what went wrong, with the number of the case.
    """
    ended: Counter[str] = Counter()
    failures: list[tuple[int, str]] = []
    memory = 0
    left = [list(range(worker, cases, workers)) for worker in range(workers)]
    places = [tempfile.TemporaryDirectory() for _ in range(workers)]

    def start(worker: int) -> tuple[int, Any]:
        return _start(prepare, seed, left[worker][:LIFE], Path(places[worker].name))

    children = {worker: start(worker) for worker in range(workers)}
    while children:
        ready, *_ = select.select([child[1] for child in children.values()], [], [])
        for worker, (process, stream) in list(children.items()):
            line = stream.readline() if stream in ready else None
            if line:
                case, end, more = json.loads(line)
                left[worker].remove(case)
                ended[end] += 1
                memory = max(memory, more if end != "failed" else 0)
                if end == "failed":
                    failures.append((case, more))
            elif line == "":
                status = os.waitpid(process, 0)[1]
                del children[worker]
                if status:
                    ended["failed"] += 1
                    failures.append(
                        (left[worker].pop(0), f"the process ended with {_told(status)}")
                    )
                if left[worker]:
                    children[worker] = start(worker)
    for place in places:
        place.cleanup()
    return {**{end: ended[end] for end in ("accepted", "refused", "failed")},
            "memory": memory, "failures": sorted(failures)}  # fmt: skip


def _told(status: int) -> str:
    number = os.waitstatus_to_exitcode(status)
    return signal.Signals(-number).name if number < 0 else f"status {number}"


def _start(prepare: Prepare, seed: int, cases: list[int], place: Path) -> tuple[int, Any]:
    reading, writing = os.pipe()
    process = os.fork()
    if process:
        os.close(writing)
        return process, os.fdopen(reading)
    try:
        os.close(reading)
        with os.fdopen(writing, "w") as report:
            _work(prepare, seed, cases, place, report)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _work(prepare: Prepare, seed: int, cases: list[int], place: Path, report: Any) -> None:
    opened: list[str] = []
    for name in ("made", "tmp", "here", "cases"):
        (place / name).mkdir(exist_ok=True)
    shutil.rmtree(place / "cases")
    (place / "secret.txt").write_text("secret")
    tempfile.tempdir = os.environ["TMPDIR"] = str(place / "tmp")
    run_case = prepare(place / "made")
    os.chdir(place / "here")
    sys.addaudithook(lambda name, a: opened.append(str(a[0])) if name == "open" else None)
    before = _listing(place)
    for case in cases:
        folder = place / "cases" / str(case)
        folder.mkdir(parents=True)
        opened.clear()
        begun = _limited_memory()
        end, more = _ended(run_case, np.random.default_rng([seed, case]), folder)
        grown = _memory("VmHWM") - begun
        shutil.rmtree(place / "cases")
        if _listing(place) != before:
            end, more = "failed", f"files beside it: {sorted(_listing(place) ^ before)}"
            before = _listing(place)
        elif any(name.endswith(SECRETS) for name in opened):
            end, more = "failed", "a file elsewhere was opened"
        elif grown > MEMORY:
            end, more = "failed", f"memory grew by {grown:,} bytes"
        report.write(json.dumps([case, end, more if end == "failed" else grown]) + "\n")
        report.flush()


def _ended(run_case: Any, random: np.random.Generator, folder: Path) -> tuple[str, str]:
    signal.alarm(SECONDS)  # No handler: it ends native code too.
    try:
        run_case(random, folder)
    except REFUSALS as error:
        return ("refused", "") if str(error).strip() else ("failed", f"{error!r} says nothing")
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return "failed", f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})"[:600]
    finally:
        signal.alarm(0)
    return "accepted", ""


def _limited_memory() -> int:
    """Lets the process take some more memory than now, and returns what it has."""
    most = _memory("VmSize") + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
    Path("/proc/self/clear_refs").write_text("5")  # Forgets the peak.
    return _memory("VmRSS")


def _memory(name: str) -> int:
    """A figure of `/proc/self/status` in bytes."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith(name))


def _listing(place: Path) -> set[tuple[str, int]]:
    """All files but those of the case."""
    return {
        (str(path.relative_to(place)), path.lstat().st_mtime_ns)
        for path in place.rglob("*")
        if path.relative_to(place).parts[0] != "cases" and not path.is_dir()
    }

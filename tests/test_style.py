"""Code stays short enough to be read: `tests/benchmarks/reading.py` prints what is counted."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


counter = load(ROOT / "tests" / "benchmarks" / "reading.py")


@pytest.mark.parametrize("reading", counter.READINGS, ids=lambda reading: reading.title)
def test_what_is_read_for_a_purpose_keeps_its_bound(
    reading: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    is_kept = counter.print_reading(reading, counter.find_modules(ROOT))
    assert is_kept, capsys.readouterr().out


def test_what_is_read_and_what_is_left_out_is_there() -> None:
    modules = counter.find_modules(ROOT)
    names = {name.rpartition(".")[2] for name in modules}
    for reading in counter.READINGS:
        read, _ = counter.reached(reading, modules)
        assert set(reading.entries) <= set(read) | {
            entry for entry in reading.entries if entry.rpartition(".")[2] in reading.excluded
        }
        assert reading.excluded.keys() <= names


def test_no_file_and_no_function_of_the_package_is_too_long(
    capsys: pytest.CaptureFixture[str],
) -> None:
    is_kept = counter.print_long(ROOT, counter.find_modules(ROOT).values())
    assert is_kept, capsys.readouterr().out

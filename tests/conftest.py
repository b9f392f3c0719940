"""What every test stands on: quiet TensorFlow, pictures without a screen, real corpora."""

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from keras_s2s.export.litert import export as litert_export

from .warm_converter import Converter

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["MPLBACKEND"] = "Agg"
os.environ["MALLOC_ARENA_MAX"] = "2"  # For the processes started from here, those of xdist too.

# No test fails on a time; `--hypothesis-profile thorough` looks longer.
settings.register_profile("quick", deadline=None, max_examples=40)
settings.register_profile("thorough", deadline=None, max_examples=400)
settings.load_profile("quick")

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"

# Files that take longest, which begin first so that all processes end together.
LONGEST = (
    "recipe/test_killed_training.py",
    "recipe/test_train.py",
    "training/test_distribution.py",
    "training/test_resume.py",
    "export/clients/test_translators.py",
    "export/saved_model/test_export.py",
    "export/saved_model/test_serving_c.py",
    "export/test_every_model.py",
    "export/test_artifact.py",
    "cli/test_export.py",
    "experiments/test_demo.py",
    "export/litert/test_export.py",
    "test_model.py",
)

# Benchmarks and fuzzers are programs; some import toolkits that are not installed here.
collect_ignore = [
    str(path)
    for folder in ("benchmarks", "fuzz")
    for path in (ROOT / "tests" / folder).glob("**/*.py")
    if not path.name.startswith("test_")
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest first."""
    ranks = {ROOT / "tests" / name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


@pytest.fixture(scope="session", autouse=True)
def converter() -> Iterator[Converter]:
    """Converts to LiteRT in a process that stays, for all tests of this one; starts when asked."""
    with pytest.MonkeyPatch.context() as patch:
        converter = Converter(litert_export._run_converter)
        patch.setattr(litert_export, "_run_converter", converter)
        yield converter
        converter.close()


@pytest.fixture(scope="module", autouse=True)
def forgotten() -> Iterator[None]:
    """What Keras and TensorFlow keep of the models of a file goes with the file."""
    yield
    if "keras" in sys.modules:
        sys.modules["keras"].backend.clear_session(free_memory=False)
    gc.collect()
    if sys.platform == "linux":  # The C library keeps what is free by itself.
        ctypes.CDLL(None).malloc_trim(0)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real corpora beside the checkout; the test is skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no real corpora at {SHARED_DATA}")
    return SHARED_DATA

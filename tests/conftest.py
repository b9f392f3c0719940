"""What every test stands on: quiet TensorFlow, pictures without a screen, real corpora."""

import ctypes
import gc
import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from .budget import QUICK
from .warm_converter import Converter

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["MPLBACKEND"] = "Agg"
os.environ["MALLOC_ARENA_MAX"] = "2"  # For the processes started from here, those of xdist too.

# No test fails on a time; `--hypothesis-profile thorough` looks longer.
settings.register_profile("quick", deadline=None, max_examples=QUICK)
settings.register_profile("thorough", deadline=None, max_examples=400)
settings.load_profile("quick")

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"

# A graph is made of so many objects that looking for garbage at the usual rate takes a tenth of the
# time; each file ends with a collection.
gc.set_threshold(20_000, 20, 20)

# Files that take longest, which begin first so that all processes end together.
LONGEST = (
    "export/clients/test_translators.py",
    "training/test_resume.py",
    "recipe/test_train.py",
    "layers/test_decoder.py",
    "layers/test_encoder.py",
    "recipe/test_killed_training.py",
    "recipe/test_start.py",
    "cli/test_main.py",
    "export/saved_model/test_export.py",
    "inference/test_translator.py",
    "experiments/test_demo.py",
    "training/test_distribution.py",
    "test_model.py",
    "test_own_classes.py",
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


def peak_gigabytes() -> float:
    """The most memory that this process has had."""
    if sys.platform == "win32":
        return math.nan
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


PEAKS = pytest.StashKey[list[float]]()  # Of the processes that ran tests.


def pytest_configure(config: pytest.Config) -> None:
    config.stash[PEAKS] = []


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what this process has taken to the one that reports."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["peak_gigabytes"] = peak_gigabytes()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[PEAKS].append(getattr(node, "workeroutput", {}).get("peak_gigabytes", 0.0))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say how much memory the processes have taken: at most 2.5 GB each."""
    peaks = config.stash[PEAKS] or [peak_gigabytes()]
    text = ", ".join(f"{peak:.2f}" for peak in peaks)
    terminalreporter.write_line(f"peak memory of the test processes in GB: {text}")


@pytest.fixture(scope="session", autouse=True)
def converter() -> Iterator[Converter]:
    """Converts to LiteRT in a process that stays, for all tests of this one; starts when asked."""
    from keras_s2s.export.litert import export as litert_export

    with pytest.MonkeyPatch.context() as patch:
        converter = Converter(litert_export._run_converter)
        patch.setattr(litert_export, "_run_converter", converter)
        yield converter
        converter.close()


@pytest.fixture(scope="session", autouse=True)
def compiled_adam() -> Iterator[Callable[[], AbstractContextManager]]:
    """Makes a context in which the update of `CompiledAdam` is compiled, as it is for users.

    Elsewhere it is not: XLA takes longer for it than a small training for all of its steps.
    """
    from keras_s2s.training.optimizers import CompiledAdam

    @contextmanager
    def compiled() -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(CompiledAdam, "jit_compile", True)
            yield

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CompiledAdam, "jit_compile", False)
        yield compiled


@pytest.fixture(scope="session", autouse=True)
def plain_graphs() -> None:
    """TensorFlow runs graphs as they are written: for small ones, optimizing takes longer.

    The processes that tests start, such as those of the command line, optimize theirs.
    """
    import keras  # noqa: F401
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    gc.collect()
    gc.freeze()  # What was imported stays; collections need not look through it.


def free_memory() -> None:
    """Give back what nothing refers to."""
    gc.collect()
    if sys.platform == "linux":  # The C library keeps what is free by itself.
        ctypes.CDLL(None).malloc_trim(0)


@pytest.fixture(autouse=True)
def forgotten_gradients() -> Iterator[None]:
    """The gradients of a test's graphs go with the test.

    TensorFlow registers each custom gradient of a graph for good, and each gradient of a graph that
    another one calls, and with it the graph. They are needed while a graph is made, not later.
    """
    yield
    from tensorflow.python.framework.ops import gradient_registry

    registered = gradient_registry._registry
    names = [one for one in registered if one.startswith(("CustomGradient-", "PartitionedCall-"))]
    for name in names:
        del registered[name]
    if names:
        free_memory()


@pytest.fixture(scope="module", autouse=True)
def forgotten(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a file and Keras keep of the models of the file goes with it."""
    yield
    for cached in vars(request.module).values():
        if getattr(cached, "__module__", "") == request.module.__name__:
            getattr(cached, "cache_clear", int)()
    sys.modules["keras"].backend.clear_session(free_memory=False)
    free_memory()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real corpora beside the checkout; the test is skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no real corpora at {SHARED_DATA}")
    return SHARED_DATA

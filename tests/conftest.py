"""What every test stands on: quiet TensorFlow, pictures without a screen, real corpora."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["MPLBACKEND"] = "Agg"

settings.register_profile("any machine", deadline=None)  # No test fails on a time.
settings.load_profile("any machine")

ROOT = Path(__file__).resolve().parents[1]
SHARED_DATA = ROOT.parent / "shared" / "data"

# Benchmarks and fuzzers are programs; some import toolkits that are not installed here.
collect_ignore = [
    str(path)
    for folder in ("benchmarks", "fuzz")
    for path in (ROOT / "tests" / folder).glob("**/*.py")
    if not path.name.startswith("test_")
]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real corpora beside the checkout; the test is skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no real corpora at {SHARED_DATA}")
    return SHARED_DATA

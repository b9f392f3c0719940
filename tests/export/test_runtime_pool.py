"""Translators of exports are shared by threads, pickled, and used after a fork."""

import multiprocessing
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras_s2s import Beam, Greedy, export
from keras_s2s.export.runtime_pool import RuntimePool

from ..budget import first

RUNNERS = {
    "litert": ("litert", "LiteRTTranslator", {}),
    "litert, compiled_model": ("litert", "LiteRTTranslator", {"runtime": "compiled_model"}),
    "onnx": ("onnx", "OnnxTranslator", {}),
    "saved_model": ("saved_model", "SavedModelTranslator", {}),
}


# A SavedModel in another process takes 12 s.
@pytest.fixture(params=first(3, RUNNERS))
def runner(request: pytest.FixtureRequest, exported_as: Callable[[str], Path]) -> Any:
    needed = {"litert": "ai_edge_litert", "onnx": "tf2onnx", "saved_model": "tensorflow_serving"}
    pytest.importorskip(needed[request.param.partition(",")[0]])
    form, name, options = RUNNERS[request.param]
    return getattr(export, name)(exported_as(form), **options)


def words(count: int) -> list[str]:
    random = np.random.default_rng(0)
    return ["".join(random.choice(list("abcdefghij"), random.integers(2, 8))) for _ in range(count)]


@pytest.mark.parametrize("threads", first(1, [8, 2]))
def test_threads_get_the_answers_that_each_would_get_alone(runner: Any, threads: int) -> None:
    texts = words(48)

    def answer(text: str) -> list[Any]:
        search = Beam(3) if len(text) % 2 else Greedy()
        (found,) = runner.stream([text], search=search)
        return [(one.text, one.score) for one in found]

    alone = [answer(text) for text in texts]
    with ThreadPoolExecutor(threads) as pool:
        assert list(pool.map(answer, texts)) == alone


def test_a_copy_by_pickle_answers_in_another_process(
    runner: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner.maximum_source_length = 5
    texts = words(6)
    with pytest.warns(UserWarning, match="was cut"):
        expected = runner.translate(texts, search=Greedy())
    content = pickle.dumps(runner)
    (tmp_path / "pickle").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    program = (
        "import pickle, sys, warnings; warnings.simplefilter('ignore')\n"
        "from keras_s2s import Greedy\n"
        "runner = pickle.load(open('pickle', 'rb'))\n"
        f"print(ascii(runner.translate({texts!r}, search=Greedy())))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == ascii(expected), done.stderr[-2000:]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_answers_or_says_that_it_cannot(runner: Any) -> None:
    if not hasattr(os, "fork"):
        pytest.skip("No process is forked on this system.")
    texts = words(4)
    expected = runner.translate(texts, search=Beam(2))
    context = multiprocessing.get_context("fork")
    answers = context.SimpleQueue()
    child = os.fork()
    if child == 0:
        try:
            try:
                answers.put(runner.translate(texts, search=Beam(2)))
            except RuntimeError as error:
                answers.put(str(error))
        finally:
            os._exit(0)
    deadline = time.monotonic() + 60
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > deadline:
            os.kill(child, 9)
            os.waitpid(child, 0)
            pytest.fail("the forked process hangs")
        time.sleep(0.01)
    found = answers.get()
    if runner.kind == "saved_model":
        assert "forked" in found and "spawn" in found
    else:
        assert found == expected


def test_no_more_runtimes_are_made_than_processors_and_none_serves_two_threads() -> None:
    made: list[int] = []
    busy: set[int] = set()

    def make() -> Callable:
        number = len(made)
        made.append(number)

        def run(name: str, inputs: dict) -> dict:
            assert number not in busy
            busy.add(number)
            time.sleep(0.001)
            busy.discard(number)
            if name == "fail":
                raise ValueError(name)
            return {"number": number}

        return run

    pool = RuntimePool(make)
    barrier = threading.Barrier(16)

    def call(_: int) -> None:
        barrier.wait()
        for _ in range(20):
            pool("run", {})
        with pytest.raises(ValueError, match="fail"):
            pool("fail", {})
        pool("run", {})  # One that failed serves again.

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(call, range(16)))
    assert 1 <= len(made) <= (os.cpu_count() or 1)

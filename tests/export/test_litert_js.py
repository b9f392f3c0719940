"""LiteRT.js, the runtime of the web, answers with an export as the runtimes of Python do."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("ai_edge_litert", reason="LiteRT's runtime is not installed.")

from keras_s2s import export

LITERT_JS = "@litertjs/core@2.5.3"
PROGRAM = Path(__file__).with_name("litert_node.mjs")


@pytest.fixture(scope="session")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of LiteRT.js, from npm."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("no Node is here")
    folder = tmp_path_factory.mktemp("npm")
    command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder), LITERT_JS]
    if subprocess.run(command, cwd=folder, capture_output=True).returncode:
        pytest.skip(f"{LITERT_JS} cannot be installed here")
    return folder / "node_modules" / "@litertjs" / "core"


@pytest.mark.parametrize("quantize", ["none", "float16", "int8"])
def test_the_runtime_of_the_web_gives_the_golden_answers(
    core: Path, make: Callable, tmp_path: Path, quantize: str
) -> None:
    translator = make("general", input_feeding=True)
    export.litert(translator, tmp_path / "export", quantize=quantize, lengths=(6, 16))
    golden = json.loads((tmp_path / "export" / "golden.json").read_text(encoding="utf-8"))
    assert len(golden) > 20
    command = ["node", str(PROGRAM), str(core), str(tmp_path / "export")]
    sources = json.dumps([one["ids"] for one in golden])
    done = subprocess.run(command, input=sources, capture_output=True, text=True, check=True)
    answers = json.loads(done.stdout.splitlines()[-1])
    assert answers == [one["answer_ids"] for one in golden]

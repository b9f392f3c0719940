"""The page is written and served with a model, and with nothing else."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

pytest.importorskip("ai_edge_litert", reason="LiteRT's runtime is not installed.")

from keras_s2s import export
from keras_s2s.export.web import litert_js
from keras_s2s.export.web.export import site_files
from keras_s2s.export.web.server import _Handler, server


@pytest.fixture(scope="module")
def model(make_from_text: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("web") / "model"
    export.litert(make_from_text("sentencepiece"), folder, lengths=(8, 16))
    return folder


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files with the names of LiteRT.js, built in; npm is tried elsewhere."""
    folder = tmp_path / "litert"
    for name in litert_js.PACKAGED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"// {name}")
    litert_js.RUNTIME.describe(folder, {})
    monkeypatch.setattr(litert_js, "BUILT_IN", folder)
    return folder


@pytest.fixture
def port(model: Path) -> Iterator[int]:
    with server(site_files(model), 0) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield serving.server_port
        serving.shutdown()


def status(port: int, path: str, host: str = "127.0.0.1", method: str = "GET") -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, headers={"Host": f"{host}:{port}"})
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status


def test_the_page_is_written_with_runtime_and_model(
    model: Path, runtime: Path, tmp_path: Path
) -> None:
    sizes = export.web(model, tmp_path / "site")
    site = tmp_path / "site"
    written = {p.relative_to(site).as_posix() for p in site.rglob("*") if p.is_file()}
    assert written == {*sizes, "page.json"}
    assert {"index.html", "translate.js", "litert/core.js", "model/model.tflite"} <= written
    assert "model/source_tokenizer/pieces.json" in written
    for name, size in sizes.items():
        assert (site / name).stat().st_size == size
    copied = (site / "model" / "manifest.json").read_bytes()
    assert copied == (model / "manifest.json").read_bytes()


def test_a_page_replaces_a_page_and_nothing_else(model: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    export.web(model, site)
    (site / "index.html").write_text("damaged")
    export.web(model, site)
    assert "damaged" not in (site / "index.html").read_text(encoding="utf-8")
    (site / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"notes\.txt"):
        export.web(model, site)
    assert (site / "notes.txt").read_text() == "mine"


def test_what_a_browser_cannot_run_is_refused(model: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the folder of an export"):
        export.web(tmp_path, tmp_path / "site")
    damaged = tmp_path / "damaged"
    subprocess.run(["cp", "-r", str(model), str(damaged)], check=True)
    (damaged / "model.tflite").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"model\.tflite"):
        export.web(damaged, tmp_path / "site")
    assert not (tmp_path / "site").exists()


@pytest.mark.slow  # A SavedModel, if no other test made one: 12 s.
def test_a_saved_model_is_refused_by_its_kind(make: Callable, tmp_path: Path) -> None:
    export.onnx(make(), tmp_path / "onnx")
    with pytest.raises(ValueError, match="of kind 'onnx'"):
        export.web(tmp_path / "onnx", tmp_path / "site")


def test_the_server_gives_out_the_files_of_the_page_alone(model: Path, port: int) -> None:
    for name, path in site_files(model).items():
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{name}") as response:
            assert response.read() == path.read_bytes()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/?a=b") as response:
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    for path in ("/web.py", "/../artifact.py", "/model/../../x", "/%2e%2e/web.py", "/model/"):
        assert status(port, path) == 404
    assert status(port, "/", method="HEAD") == 200
    assert status(port, "/", method="POST") == 501


def test_the_server_answers_to_names_of_this_machine_alone(port: int) -> None:
    assert status(port, "/", host="localhost") == 200
    for host in ("pages.example", "127.0.0.1.example", "[::ffff:1.2.3.4]", ""):
        assert status(port, "/", host=host) == 403


@pytest.mark.parametrize("request_line", ["GET / HTTP/1.1", "GET http://[ HTTP/1.1"])
def test_what_is_no_address_is_a_bad_request(port: int, request_line: str) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(f"{request_line}\r\nHost: [\r\n\r\n".encode())
        assert connection.recv(99).startswith(b"HTTP/1.1 400 ")


def test_a_slow_reader_gets_all_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Handler, "timeout", 1)  # Second.
    size = 30_000_000
    (tmp_path / "large").write_bytes(bytes(size))
    with server({"large": tmp_path / "large"}, 0) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        with urllib.request.urlopen(f"http://127.0.0.1:{serving.server_port}/large") as response:
            read = 0
            while block := response.read(size // 10):
                read += len(block)
                time.sleep(0.3)
        serving.shutdown()
    assert read == size


@pytest.mark.parametrize("suffix", [".html", ".js", ".css", ".json", ".wasm", ".tflite"])
def test_every_kind_of_file_has_a_type(port: int, model: Path, suffix: str) -> None:
    name = next(name for name in site_files(model) if name.endswith(suffix))
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{name}") as response:
        is_unknown = response.headers["Content-Type"] == "application/octet-stream"
    assert is_unknown == (suffix == ".tflite")


def test_a_taken_port_is_told(port: int) -> None:
    with pytest.raises(OSError, match=f"port {port} can't be opened"):
        server({}, port)


def test_without_npm_the_cure_is_told(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(litert_js, "BUILT_IN", tmp_path / "none")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"Install Node\.js"):
        export.web(model, tmp_path / "site")


def test_a_damaged_runtime_is_fetched_anew(
    model: Path, runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = []

    def fetch(goal: Path) -> None:
        fetched.append(goal)
        goal.mkdir(parents=True)
        for name in litert_js.PACKAGED:
            (goal / name).parent.mkdir(exist_ok=True)
            (goal / name).write_text("new")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(litert_js, "fetch_runtime", fetch)
    site_files(model)
    assert not fetched
    (runtime / "core.js").write_text("")
    assert site_files(model)["litert/core.js"].read_text() == "new"
    assert len(fetched) == 1


def test_what_npm_brought_is_kept_for_the_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = " ".join(f"node_modules/{name}" for name in litert_js.PACKAGED.values())
    npm = tmp_path / "npm"
    npm.write_text(
        f"#!/bin/sh\nfor file in {files}; do mkdir -p ${{file%/*}}; echo $file > $file; done\n"
    )
    npm.chmod(0o755)
    monkeypatch.setattr(litert_js, "BUILT_IN", tmp_path / "none")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    first = litert_js.runtime_files()
    npm.write_text("#!/bin/sh\nexit 1\n")
    assert litert_js.runtime_files() == first
    for name, path in first.items():
        assert path.read_text() == f"node_modules/{litert_js.PACKAGED[name]}\n"


def test_what_npm_could_not_do_is_told_and_leaves_nothing(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'npm warn old' >&2; echo 'npm error no network' >&2\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setattr(litert_js, "BUILT_IN", tmp_path / "none")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(OSError, match="no network"):
        export.web(model, tmp_path / "site")
    assert not (tmp_path / "cache").exists()


def test_the_lock_file_has_a_digest_for_all_that_npm_fetches() -> None:
    lock = json.loads((litert_js.CLIENT / "package-lock.json").read_text(encoding="utf-8"))
    packages = [one for name, one in lock["packages"].items() if name]
    assert {f"{one}" for one in lock["packages"] if one} == {
        "node_modules/@litertjs/core",
        "node_modules/@litertjs/wasm-utils",
    }
    assert all(one["integrity"].startswith("sha512-") for one in packages)
    assert not any("resolved" in one for one in packages)


def test_the_command_serves_until_ctrl_c(model: Path, runtime: Path, tmp_path: Path) -> None:
    program = (
        "import pathlib, signal, sys; from keras_s2s.export.web import litert_js; "
        f"litert_js.BUILT_IN = pathlib.Path({str(runtime)!r}); "
        # A shell lets what it starts in the background ignore Ctrl-C.
        "signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from keras_s2s.cli.main import main; main(sys.argv[1:])"
    )
    command = [sys.executable, "-c", program, "web", "--model", str(model), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            address = process.stdout.readline().split()[0]
            with urllib.request.urlopen(f"{address}model/manifest.json") as response:
                assert json.load(response)["kind"] == "litert"
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(f"{address}model/none")
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        finally:
            process.kill()


def test_the_command_writes_the_page(model: Path, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from keras_s2s.cli.main import app

    arguments = ["web", "--model", str(model), "--output", str(tmp_path / "site")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert done.output.startswith(f"the page is in {tmp_path / 'site'}: ")
    assert (tmp_path / "site" / "index.html").is_file()

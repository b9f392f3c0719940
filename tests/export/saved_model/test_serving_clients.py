"""The clients of the documentation talk to a server's protocols on loopback.

The stub speaks them as TensorFlow Serving does; the server's own binary is not run.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("tensorflow_serving", reason="tensorflow-serving-api is not installed.")
pytest.importorskip("tensorflow_text", reason="tensorflow-text is not installed.")

from keras_s2s import Translator, export
from keras_s2s.export.saved_model.runtime import load_saved_model

from .test_serving_c import TEXTS

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "deployment" / "serving.md").read_text(encoding="utf-8")


@contextmanager
def stub_server(loaded: Any, name: str) -> Iterator[tuple[int, int]]:
    """Answer on loopback as TensorFlow Serving does, by REST and by gRPC; give both ports.

    Args:
        loaded: From `tf.saved_model.load`.
        name: Of the model.
    """
    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    def answer(signature: str, inputs: dict[str, Any]) -> dict[str, Any]:
        return loaded.signatures[signature or "serving_default"](**inputs)

    class Rest(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == f"/v1/models/{name}:predict"
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            is_row = "instances" in asked
            inputs = asked["instances"] if is_row else asked["inputs"]
            if is_row:
                rows = inputs if isinstance(inputs[0], dict) else [{"text": x} for x in inputs]
                inputs = {key: [row[key] for row in rows] for key in rows[0]}
            given = {key: tf.constant(value) for key, value in inputs.items()}
            found = {
                key: _plain(value.numpy())
                for key, value in answer(asked.get("signature_name", ""), given).items()
            }
            rows = [dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True)]
            body = json.dumps({"predictions": rows} if is_row else {"outputs": found}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    class Grpc(prediction_service_pb2_grpc.PredictionServiceServicer):
        def Predict(self, request: Any, _: Any) -> Any:
            assert request.model_spec.name == name
            inputs = {key: tf.constant(tf.make_ndarray(v)) for key, v in request.inputs.items()}
            response = predict_pb2.PredictResponse()
            for key, value in answer(request.model_spec.signature_name, inputs).items():
                response.outputs[key].CopyFrom(tf.make_tensor_proto(value.numpy()))
            return response

    rest = ThreadingHTTPServer(("127.0.0.1", 0), Rest)
    thread = threading.Thread(target=rest.serve_forever)
    thread.start()
    rpc = grpc.server(ThreadPoolExecutor(2))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Grpc(), rpc)
    rpc_port = rpc.add_insecure_port("127.0.0.1:0")
    rpc.start()
    try:
        yield rest.server_address[1], rpc_port
    finally:
        rest.shutdown()
        thread.join()
        rest.server_close()
        rpc.stop(None).wait()


def _plain(value: np.ndarray) -> Any:
    """As JSON: strings must be UTF-8."""
    if value.dtype != object:
        return value.tolist()
    texts = np.array([text.decode("utf-8") for text in value.ravel()], object)
    return texts.reshape(value.shape).tolist()


@pytest.fixture(scope="module")
def translator(make_from_text: Callable) -> Translator:
    return make_from_text("sentencepiece")


@pytest.fixture(scope="module")
def served(translator: Translator, exported_once: Callable) -> Path:
    """The export of test_serving_c.py."""
    return exported_once(
        "served_sentencepiece", lambda goal: export.saved_model(translator, goal, samples=TEXTS)
    )


@pytest.mark.slow  # Another export and a server: 20 s.
@pytest.mark.parametrize("port", [8501, 8500], ids=["REST", "gRPC"])
def test_the_clients_of_the_page_print_the_answers(
    port: int, translator: Translator, served: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    programs = re.findall(r"```python3\n(.*?)```", PAGE, flags=re.DOTALL)
    (program,) = (one for one in programs if f":{port}" in one)
    texts = ["A dog runs in the snow.", "개가 달린다"]
    with stub_server(load_saved_model(served / "1"), "served") as ports:
        program = program.replace(f":{port}", f":{ports[port == 8500]}")
        exec(compile(program, "serving.md", "exec"), {})
    best = [found[0] for found in translator.stream(texts)]
    assert capsys.readouterr().out.splitlines()[0] == str([one.text for one in best])

"""Files for TensorFlow Serving: warm-up requests and configuration."""

from __future__ import annotations

import csv
import json
import os
import shlex
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from keras_s2s.special_ids import END_ID, START_ID, UNK_ID

WARM_UP = "assets.extra/tf_serving_warmup_requests"
MODELS, BATCHING = "models.config", "batching_parameters.txt"
WARM_UP_TEXTS = 20
SERVING = "2.19.1"  # The release in the docker command.
_MODELS = """# Which models the server loads: --model_config_file={path}/models.config
model_config_list {{
  config {{
    name: {name}
    base_path: {quoted_path}
    model_platform: "tensorflow"
  }}
}}
"""
_BATCHING = """# How the server joins requests to batches; a request larger than that is refused:
# --enable_batching=true --batching_parameters_file={path}/batching_parameters.txt
max_batch_size {{ value: 64 }}
batch_timeout_micros {{ value: 2000 }}
max_enqueued_batches {{ value: 100 }}
num_batch_threads {{ value: {threads} }}
pad_variable_length_inputs: true
"""


def serving_line(folder: Path) -> str:
    """How to serve a folder of versions, as one line."""
    return f"serve it: {docker_command(folder, SERVING)}"


def docker_command(folder: Path, release: str) -> str:
    """The command that serves a folder of versions, reachable from this machine only.

    Args:
        folder: The folder with `models.config`.
        release: Release of TensorFlow Serving, like "2.19.1".
    """
    path = _container_path(folder)
    mount = StringIO()  # Docker parses the value as CSV.
    fields = ["type=bind", f"source={folder.resolve()}", f"target={path}", "readonly"]
    csv.writer(mount, lineterminator="").writerow(fields)
    options = {
        "model_config_file": f"{path}/{MODELS}",
        "enable_batching": "true",
        "batching_parameters_file": f"{path}/{BATCHING}",
    }
    flags = " ".join(shlex.quote(f"--{name}={value}") for name, value in options.items())
    return (
        f"docker run --rm -p 127.0.0.1:8500:8500 -p 127.0.0.1:8501:8501 "
        f"--mount {shlex.quote(mount.getvalue())} "
        f"tensorflow/serving:{release} {flags}"
    )


def write_configuration(folder: Path) -> None:
    """Write `models.config` and `batching_parameters.txt`, unless they exist."""
    path = _container_path(folder)
    texts = {
        MODELS: _MODELS.format(path=path, name=_quoted(folder.name), quoted_path=_quoted(path)),
        BATCHING: _BATCHING.format(path=path, threads=os.cpu_count() or 1),
    }
    for name, text in texts.items():
        if not (folder / name).exists():
            unfinished = folder / f".{name}"
            try:
                unfinished.write_text(text, encoding="utf-8")
                unfinished.rename(folder / name)
            finally:
                unfinished.unlink(missing_ok=True)


def write_warm_up(path: Path, model: str, texts: Sequence[str], signatures: dict[str, Any]) -> None:
    """Write the requests that a server runs before it accepts others.

    Args:
        path: The file to write.
        model: Name of the model.
        texts: Texts to translate: the first ones one by one, and as a batch.
        signatures: From `Served.save`.
    """
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for name, inputs in _warm_up_inputs(texts[:WARM_UP_TEXTS], signatures):
            request = predict_pb2.PredictRequest()
            request.model_spec.name = model
            request.model_spec.signature_name = name
            for key, value in inputs.items():
                request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
            log = prediction_log_pb2.PredictionLog()
            log.predict_log.request.CopyFrom(request)
            writer.write(log.SerializeToString())


def _warm_up_inputs(
    texts: Sequence[str], signatures: dict[str, Any]
) -> Iterable[tuple[str, dict[str, Any]]]:
    import tensorflow as tf

    for name, one in signatures.items():
        if "text" in one.inputs:
            for batch in (*([text] for text in texts), texts):
                yield name, {"text": tf.constant(batch)}
    encode, step = signatures["encode"], signatures["decode_step"]
    tokens = {"tokens": tf.constant([[UNK_ID, END_ID]]), "length": tf.constant([2])}
    yield "encode", tokens
    found = {**tokens, **encode.call(**tokens), "token": tf.constant([START_ID])}
    yield "decode_step", {key: found[key] for key in step.inputs}


def _container_path(folder: Path) -> str:
    """The folder of the model inside the container."""
    return f"/models/{folder.resolve().name}"


def _quoted(text: str) -> str:
    """A string in the text format of protocol buffers."""
    return json.dumps(text, ensure_ascii=False)

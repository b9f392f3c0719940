"""ONNX Runtime as a function that runs one of the exported files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..formats import ONNX
from ..runtime_pool import Run

if TYPE_CHECKING:
    import numpy as np

FILES = {"encode": "encoder.onnx", "decode_step": "decode_step.onnx"}


def onnx_runtime(folder: Path, threads: int = 1) -> Run:
    """Load both model files.

    Args:
        folder: Their folder.
        threads: Number of threads within one operator.

    Returns:
        `run(name, inputs) -> outputs` for the names "encode" and "decode_step", arrays by name.

    Raises:
        ImportError: `onnxruntime` is missing.
    """
    ONNX.check_installed("onnxruntime")
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # Errors only: shapes in loops cause warnings.
    providers = ["CPUExecutionProvider"]
    sessions = {}
    for name, file in FILES.items():
        try:  # Without the fallback, which tries again and prints a message.
            sessions[name] = InferenceSession(
                str(folder / file), options, providers, enable_fallback=0
            )
        except Exception as error:  # Its exceptions have no common base class.
            raise ValueError(
                f"ONNX Runtime can't read the model. Received: {folder / file}: {error}"
            ) from error
    outputs = {
        name: [one.name for one in session.get_outputs()] for name, session in sessions.items()
    }

    def run(name: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return dict(zip(outputs[name], sessions[name].run(None, inputs), strict=True))

    return run

"""ONNX Runtime as a function that runs one of the exported files."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

FILES = {"encode": "encoder.onnx", "decode_step": "decode_step.onnx"}


def check_installed() -> None:
    """Raise ImportError unless ONNX Runtime is there."""
    if find_spec("onnxruntime") is None:
        raise ImportError(
            "ONNX models run by onnxruntime. Install it: pip install 'keras-s2s[onnx]'"
        )


def onnx_runtime(
    folder: Path, threads: int = 1
) -> Callable[[str, dict[str, np.ndarray]], dict[str, np.ndarray]]:
    """Load both files.

    Args:
        folder: Where they are.
        threads: That a product may use.

    Returns:
        `run(name, inputs) -> outputs`, name one of "encode" and "decode_step", arrays by name.

    Raises:
        ImportError: `onnxruntime` is missing.
    """
    check_installed()
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3  # Errors; a loop's shapes make it warn at every call.
    providers = ["CPUExecutionProvider"]
    sessions = {}
    for name, file in FILES.items():
        try:  # Without its fallback, which tries the same again and prints that it does.
            sessions[name] = InferenceSession(
                str(folder / file), options, providers, enable_fallback=0
            )
        except Exception as error:  # Classes of its own, that derive from nothing in common.
            raise ValueError(
                f"ONNX Runtime can't read the model. Received: {folder / file}: {error}"
            ) from error
    outputs = {
        name: [one.name for one in session.get_outputs()] for name, session in sessions.items()
    }

    def run(name: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return dict(zip(outputs[name], sessions[name].run(None, inputs), strict=True))

    return run

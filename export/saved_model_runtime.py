"""A SavedModel as a function that runs one of its signatures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .serving_operations import operations

if TYPE_CHECKING:
    import numpy as np

# A SavedModel is a program. These reach out of it: to files, to Python and to other machines.
FORBIDDEN = frozenset(
    "EagerPyFunc MatchingFiles PyFunc PyFuncStateless ReadFile RemoteCall RpcCall RpcClient "
    "RpcServer WriteFile".split()
)


def load_saved_model(folder: Path) -> Any:
    """Load a SavedModel that an export wrote.

    Args:
        folder: Of `saved_model.pb`.

    Returns:
        What `tf.saved_model.load` gives.

    Raises:
        ValueError: It cannot be read, or could do more than compute.
        ImportError: tensorflow-text is missing.
    """
    reaching = sorted(FORBIDDEN & operations(folder).keys())
    if reaching:
        raise ValueError(
            f"The SavedModel must only compute. Received: {folder}, which uses {reaching}."
        )
    import tensorflow as tf

    from keras_s2s.text.normalization import import_tensorflow_text

    import_tensorflow_text()  # Without its operations the file cannot be loaded.
    try:
        return tf.saved_model.load(str(folder))
    except (ValueError, OSError, tf.errors.OpError) as error:
        raise ValueError(
            f"TensorFlow can't read the SavedModel. Received: {folder}: {error}"
        ) from error


def signature_runner(
    loaded: Any,
) -> Callable[[str, dict[str, np.ndarray]], dict[str, np.ndarray]]:
    """The signatures of a loaded SavedModel, as one function on arrays.

    Args:
        loaded: From `load_saved_model`; it must live as long as the function is used.

    Returns:
        `run(name, inputs) -> outputs`, arrays by name.
    """
    import tensorflow as tf

    def run(name: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        given = {key: tf.constant(value) for key, value in inputs.items()}
        return {key: value.numpy() for key, value in loaded.signatures[name](**given).items()}

    return run

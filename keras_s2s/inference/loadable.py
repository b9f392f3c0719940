"""Whether a model and its tokenizers can be loaded again, tried before they are trained."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from keras_s2s.text.tokenizers import Tokenizer
from keras_s2s.text.tokenizers import check_loadable as check_tokenizer

if TYPE_CHECKING:
    from keras_s2s.model import Seq2Seq


def check_loadable(model: Seq2Seq, *tokenizers: Tokenizer) -> list[str]:
    """Raise ValueError unless a translator of these parts can be loaded once it is saved.

    The configuration is written as the saver writes it, and a second model is made from it, with
    the classes of the first. Weights are not written.

    Args:
        model: A model that is built, trained or not.
        *tokenizers: Those of source and target.

    Returns:
        Names of the classes that are not registered with Keras, and that loading asks for as
        `custom_objects`.

    Raises:
        ValueError: A part cannot be saved, cannot be loaded, or comes back with other weights.
    """
    import keras

    layers = model._flatten_layers()
    classes: dict[str, Any] = {type(one).__name__: type(one) for one in layers}
    try:
        config = json.loads(json.dumps(keras.saving.serialize_keras_object(model)))
        copy = keras.saving.deserialize_keras_object(config, custom_objects=classes)
        expected, found = ([tuple(one.shape) for one in each.weights] for each in (model, copy))
        if found != expected:
            raise ValueError(
                f"{len(expected)} weights came back as {len(found)} or in other shapes"
            )
    except Exception as error:  # A class of a user's may raise anything.
        raise ValueError(_refusal("model", error)) from error
    for tokenizer in tokenizers:
        try:
            check_tokenizer(tokenizer)
        except Exception as error:
            raise ValueError(_refusal("tokenizer", error)) from error
    return sorted(name for name, kind in classes.items() if not _is_registered(kind))


def _is_registered(kind: type) -> bool:
    import keras

    is_own = kind.__module__.split(".")[0] in ("keras", "keras_s2s")
    return is_own or ">" in keras.saving.get_registered_name(kind)


def _refusal(part: str, reason: Exception | str) -> str:
    words = " ".join(str(reason).split())
    return (
        f"The {part} must load as it was saved, or its training would be lost. Received: {words}. "
        "Have `get_config` of each class return all arguments of its constructor."
    )

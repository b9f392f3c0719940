"""What a model can beside its computation: check its data, name its own classes, copy itself."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras

from keras_s2s.layers.token_ids import check_token_ids, out_of_vocabulary

INPUTS = ("source", "target_in")
# What the check of a batch says within TensorFlow's error, and what a lookup says without it.
IN_ERROR = re.compile(r"Token ids must be .*? was made for\.", re.DOTALL)
IN_LOOKUP = re.compile(r"= (-?\d+) is not in \[0, (\d+)\)")


class BaseModel(keras.Model):
    """Base of a model that reads token ids and checks what it is given.

    Arrays are checked before a training or an evaluation begins, the batches of a
    `tf.data.Dataset` as they come. `class_weight` is refused: Keras would take the positions of a
    target for classes.
    """

    encoder: Any
    decoder: Any

    @property
    def custom_objects(self) -> dict[str, type]:
        """The classes of the user's own that the model is made of, by name."""
        ours = ("keras", "keras_s2s")
        classes = {type(layer) for layer in self._flatten_layers()}
        return {c.__name__: c for c in classes if c.__module__.partition(".")[0] not in ours}

    def with_dtype(self, dtype: str) -> Any:
        """A copy of the model, with copies of its weights, that computes in another dtype.

        Args:
            dtype: A dtype or a policy by name, such as "float32" or "mixed_bfloat16".

        Returns:
            The copy; it is not compiled.
        """

        def replaced(value: Any) -> Any:
            if isinstance(value, dict):
                return {k: dtype if k == "dtype" else replaced(v) for k, v in value.items()}
            return value

        copy = type(self).from_config(replaced(self.get_config()), self.custom_objects)
        copy.set_weights(self.get_weights())
        return copy

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """Train, see `keras.Model.fit`."""
        given = self._checked(super().fit, args, kwargs)
        with _clear_errors():
            return super().fit(**given)

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluate, see `keras.Model.evaluate`."""
        given = self._checked(super().evaluate, args, kwargs)
        with _clear_errors():
            return super().evaluate(**given)

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """Predict, see `keras.Model.predict`."""
        given = self._checked(super().predict, args, kwargs)
        with _clear_errors():
            return super().predict(**given)

    def train_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Train on one batch, see `keras.Model.train_on_batch`."""
        return super().train_on_batch(**self._checked(super().train_on_batch, args, kwargs))

    def test_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluate one batch, see `keras.Model.test_on_batch`."""
        return super().test_on_batch(**self._checked(super().test_on_batch, args, kwargs))

    def predict_on_batch(self, *args: Any, **kwargs: Any) -> Any:
        """Predict one batch, see `keras.Model.predict_on_batch`."""
        return super().predict_on_batch(**self._checked(super().predict_on_batch, args, kwargs))

    def _checked(
        self, method: Callable[..., Any], args: tuple, kwargs: dict[str, Any]
    ) -> dict[str, Any]:
        """The arguments of a method by name, checked."""
        bound = inspect.signature(method).bind(*args, **kwargs)
        given = dict(bound.arguments)
        given.update(given.pop("kwargs", {}))
        if given.get("class_weight") is not None:
            raise ValueError(
                "`class_weight` does not go with targets [B, T]. Received: "
                f"class_weight={given['class_weight']!r}. Give each token a weight by "
                "`sample_weight`, [B, T]."
            )
        given["x"] = self._checked_data(given.get("x"), given.get("y"))
        valid = given.get("validation_data")
        if isinstance(valid, (tuple, list)):
            self._checked_data(*valid[:2])
        elif valid is not None:
            given["validation_data"] = self._checked_data(valid, None)
        return given

    def _checked_data(self, x: Any, y: Any) -> Any:
        """The inputs; of a dataset one that checks each batch."""
        if _is_dataset(x):
            from keras_s2s.layers.token_ids_tensorflow import checked_dataset

            return checked_dataset(x, self._parts)
        for label, ids, size in self._parts(x, y):
            check_token_ids(label, ids, size)
        return x

    def _parts(self, x: Any, y: Any) -> list[tuple[str, Any, int | None]]:
        """What is to be checked: names, ids and sizes of the vocabularies."""
        if not isinstance(x, (tuple, list, Mapping)):
            return []
        inputs = [x.get(name) for name in INPUTS] if isinstance(x, Mapping) else list(x)
        target_size = self.decoder.vocabulary_size
        sizes = (getattr(self.encoder, "vocabulary_size", None), target_size)
        parts = list(zip(INPUTS, inputs, sizes, strict=False))
        return [part for part in [*parts, ("target_out", y, target_size)] if part[1] is not None]


@contextmanager
def _clear_errors() -> Iterator[None]:
    """Raise ValueError in place of TensorFlow's error for an id in a batch of a dataset."""
    try:
        yield
    except Exception as error:
        said, looked_up = IN_ERROR.search(str(error)), IN_LOOKUP.search(str(error))
        if type(error).__name__ != "InvalidArgumentError" or not (said or looked_up):
            raise
        found = looked_up and out_of_vocabulary(f"id {looked_up[1]} in a batch", int(looked_up[2]))
        raise ValueError(said[0] if said else found) from error


def _is_dataset(value: Any) -> bool:
    """Whether a value is a `tf.data.Dataset`, without importing TensorFlow for that."""
    names = {f"{kind.__module__}.{kind.__name__}" for kind in type(value).__mro__}
    return "tensorflow.python.data.ops.dataset_ops.DatasetV2" in names

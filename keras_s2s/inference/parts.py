"""What a translator is made of, checked, and what several of them must share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from keras_s2s.model import Seq2Seq
from keras_s2s.text.tokenizers import Tokenizer, have_same_files


class CurrentModels(Sequence[Seq2Seq]):
    """Models in float32; a copy of a model in a lower precision has the weights of now when used.

    Args:
        models: The models, in any precision.

    Attributes:
        originals: The same.
    """

    def __init__(self, models: Sequence[Seq2Seq]) -> None:
        self.originals = tuple(models)
        self._models = tuple(map(_in_float32, models))

    def __len__(self) -> int:
        return len(self._models)

    def __getitem__(self, index: Any) -> Any:
        self.update()
        return self._models[index]

    def update(self) -> None:
        """Give the copies the weights that their originals have now."""
        for original, model in zip(self.originals, self._models, strict=True):
            if original is not model:
                for weight, copied in zip(original.weights, model.weights, strict=True):
                    copied.assign(weight)


def checked_models(model: Any, source: Tokenizer, target: Tokenizer) -> CurrentModels:
    """The models of a translator, in float32.

    Args:
        model: A `Seq2Seq`, or a list of them.
        source: The source tokenizer.
        target: The target tokenizer.

    Raises:
        TypeError: There is something else.
        ValueError: A tokenizer's vocabulary is not a model's.
    """
    given = model.originals if isinstance(model, CurrentModels) else model
    models = list(given) if isinstance(given, (list, tuple)) else [given]
    if not models or not all(isinstance(one, Seq2Seq) for one in models):
        raise TypeError(
            f"`model` must be a keras_s2s.Seq2Seq, or a list of them. Received: model={model!r}"
        )
    for one in models:
        _check_vocabulary("source", source, one.encoder.vocabulary_size)
        _check_vocabulary("target", target, one.decoder.vocabulary_size)
    return CurrentModels(models)


def _check_vocabulary(side: str, tokenizer: Any, size: int) -> None:
    if not isinstance(tokenizer, Tokenizer):
        raise TypeError(
            f"`{side}_tokenizer` must be a keras_s2s tokenizer. Received: "
            f"{side}_tokenizer={tokenizer!r}"
        )
    if tokenizer.vocabulary_size != size:
        raise ValueError(
            f"The model and its {side} tokenizer need the same vocabulary. Received: a model of "
            f"{size} ids and a tokenizer of {tokenizer.vocabulary_size}. Give the tokenizer that "
            "it was trained with."
        )


def _in_float32(model: Seq2Seq) -> Seq2Seq:
    """The model, or a copy where it computes in a lower precision."""
    layers = [model.encoder, model.decoder, model.decoder.attention or model.decoder]
    is_exact = all(layer.compute_dtype == "float32" for layer in layers)
    return model if is_exact else model.with_dtype("float32")


def checked_samples(samples: Iterable[str]) -> list[str]:
    """Texts as a list, one string too.

    Raises:
        TypeError: One is no string.
    """
    found = [samples] if isinstance(samples, str) else list(samples)
    if not all(isinstance(sample, str) for sample in found):
        raise TypeError(f"`samples` must be strings. Received: samples={found!r}")
    return found


def checked_translators(
    translators: Iterable[Any], kind: type, *, any_direction: bool = False
) -> list[Any]:
    """Translators that go together: the tokenizers of all save the same files.

    Args:
        translators: One or more.
        kind: What each must be.
        any_direction: Whether they may predict targets in different directions.

    Raises:
        TypeError: One is something else, or there is none.
        ValueError: Their tokenizers or directions differ.
    """
    several = list(translators) if isinstance(translators, Iterable) else []
    if not several or not all(isinstance(one, kind) for one in several):
        raise TypeError(
            "`translators` must be a list of keras_s2s.Translator. "
            f"Received: translators={translators!r}"
        )
    for side in ("source", "target"):
        _check_same(side, [getattr(one, f"{side}_tokenizer") for one in several])
    if not any_direction and len({one.reverse_target for one in several}) > 1:
        raise ValueError(
            "The models of an ensemble or an average must predict targets in the same direction. "
            "Received: models of both directions. Use those of one direction, or make a "
            "BidirectionalTranslator of two ensembles."
        )
    return several


def _check_same(side: str, tokenizers: Sequence[Tokenizer]) -> None:
    first, *others = tokenizers
    for number, other in enumerate(others, 2):
        if not have_same_files(first, other):
            raise ValueError(
                "The models of an ensemble must have the same tokenizers. Received: translator "
                f"{number}, whose {side} tokenizer is not the first's. Train them with the same."
            )

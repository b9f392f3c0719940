"""Luong's attention, global and local."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from keras_s2s.layers.attention import Attention, masked_softmax, with_steps

SCORES = ("dot", "general", "concat", "location")
ALIGNMENTS = ("monotonic", "predictive")


@keras.saving.register_keras_serializable("keras_s2s")
class LuongAttention(Attention):
    """Multiplicative attention, Luong's "concat" and "location", each global or local.

    1. `score(q, m)` is `q . m` ("dot"), `q . W m` ("general"), `v . tanh(W q + U m)` ("concat"),
       or, for the place s of the source, `w_s . q` ("location"), which does not look at the memory
    2. `weights = softmax(scores)` over the real tokens of the source; if `local`, over those
       within D of a place p of the source
    3. `context = sum of weights * memory`

    If `local` is "monotonic" (the paper's local-m), `p = t` for the target token t, at most the
    source's last token. If it is "predictive" (local-p), `p = S' sigmoid(v_p . tanh(W_p q))` where
    S' is the number of real tokens, and the weights are multiplied by
    `exp(-(s - p)^2 / (2 (D / 2)^2))`. Places s and t count from 0.

    In a `Decoder` the query is the state after the cell.

    Args:
        units: Size of the query; for "concat" the size of the space in which both are added.
        score: "dot", "general", "concat" or "location".
        scaled: Divide the scores by the square root of `units` ("dot" and "general").
        local: `None`, "monotonic" or "predictive".
        window: D, the tokens on either side of p that are read, if `local`.
        maximum_source_length: Places that "location" knows, from the first; those behind are never
            read.
        name: Name of the layer.
        dtype: Dtype or policy, as for any Keras layer.
        trainable: Whether the weights are trained.

    Raises:
        ValueError: An unknown score or alignment, numbers below 1, "concat" or "location" with
            `scaled`, "location" without a length, or sizes that can't be multiplied.

    Example:
        >>> import numpy as np
        >>> attention = LuongAttention(4, score="general", local="predictive", window=2)
        >>> query, memory = np.ones((2, 3, 4), "float32"), np.ones((2, 5, 6), "float32")
        >>> attention.build(query.shape, memory.shape)
        >>> context, weights = attention(query, attention.project(memory), memory)
        >>> tuple(context.shape), tuple(weights.shape)
        ((2, 3, 6), (2, 3, 5))

    Source: Luong et al. 2015, eq. 7 to 10; the scale is that of Vaswani et al. 2017, eq. 1. We
    differ where a target is longer than its source: the monotonic window stays at the end.
    """

    def __init__(
        self,
        units: int,
        score: str = "general",
        scaled: bool = False,
        local: str | None = None,
        window: int = 10,
        maximum_source_length: int | None = None,
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
    ) -> None:
        super().__init__(units, name=name, dtype=dtype, trainable=trainable)
        if score not in SCORES:
            raise ValueError(f"`score` must be one of {SCORES}. Received: score={score!r}")
        if scaled and score in ("concat", "location"):
            raise ValueError(f'`scaled` goes with "dot" and "general". Received: score="{score}"')
        if local is not None and local not in ALIGNMENTS:
            raise ValueError(
                f"`local` must be None or one of {ALIGNMENTS}. Received: local={local!r}"
            )
        if not window >= 1:
            raise ValueError(f"`window` must be at least 1. Received: window={window}")
        if (score == "location") != (maximum_source_length is not None) or (
            maximum_source_length is not None and maximum_source_length < 1
        ):
            raise ValueError(
                '`maximum_source_length` must be at least 1 for "location", None for other scores. '
                f"Received: score={score!r}, maximum_source_length={maximum_source_length}"
            )
        self.score = score
        self.scaled = scaled
        self.local = local
        self.window = window
        self.maximum_source_length = maximum_source_length
        self.needs_position = local == "monotonic"
        self.place_kernel: Any = None

    def build(self, query_shape: tuple, memory_shape: tuple) -> None:
        """Make the weights for queries `[..., U]` and a memory `[B, S, M]`."""
        if self.local == "predictive":
            self.place_kernel = self.add_kernel("place_kernel", query_shape[-1])
            self.place_vector = self.add_vector("place_vector")
        if self.score == "concat":
            self.build_additive(query_shape, memory_shape)
            return
        if query_shape[-1] != self.units:
            raise ValueError(
                f'A "{self.score}" score needs queries of size `units`. '
                f"Received: units={self.units} and queries of size {query_shape[-1]}"
            )
        if self.score == "location":
            rows = query_shape[-1]
            self.location_kernel = self.add_kernel(
                "location_kernel", rows, self.maximum_source_length
            )
        elif self.score == "general":
            self.memory_kernel = self.add_kernel("memory_kernel", memory_shape[-1])
        elif memory_shape[-1] != self.units:
            raise ValueError(
                'A "dot" score needs a memory as wide as the query; "general" takes any. '
                f"Received: queries of size {self.units}, memory of size {memory_shape[-1]}"
            )

    @property
    def changes_memory(self) -> bool:
        """Whether keys differ from the memory."""
        return self.scaled or super().changes_memory

    def project(self, memory: Any) -> Any:
        """Keys of a memory, once per sentence: `[B, S, M] -> [B, S, A]`, with the scale in them."""
        keys = super().project(memory)
        return keys / self.units**0.5 if self.scaled else keys

    def kernels(self) -> dict[str, Any]:
        """The matrices that every query passes, in the compute dtype."""
        made = super().kernels()
        return (
            made if self.place_kernel is None else {**made, "place": self.cast(self.place_kernel)}
        )

    def matrices(self, keys: Any, memory: Any) -> dict[str, Any]:
        """What else a query is multiplied with, see `Attention.matrices`; "location" `[U, S]`."""
        if self.maximum_source_length is None:
            return super().matrices(keys, memory)
        # Places behind the last known one borrow its column; `attend` never reads them.
        places = ops.arange(ops.shape(memory)[1], dtype="int32")
        places = ops.minimum(places, self.maximum_source_length - 1)
        location = ops.take(self.cast(self.location_kernel), places, axis=1)
        return {"memory": self.cast(memory), "location": location}

    def parameters(self, keys: Any, memory_mask: Any) -> dict[str, Any]:
        """What else is the same for all queries, see `Attention.parameters`.

        Local attention adds the number of real tokens, float32 `[B, 1]`, and v_p.
        """
        made = super().parameters(keys, memory_mask)
        if self.local is not None:
            real = ops.ones_like(keys[..., 0]) if memory_mask is None else memory_mask
            made["length"] = ops.sum(ops.cast(real, "float32"), axis=1, keepdims=True)
        if self.place_kernel is not None:
            made["place_vector"] = self.cast(self.place_vector)
        return made

    def scores(self, query: Any, parameters: dict[str, Any], dense: Any) -> Any:
        """How well each place fits a query, see `Attention.scores`."""
        if self.score == "location":
            return dense("location", query)
        return super().scores(query, parameters, dense)

    def attend(
        self, query: Any, position: Any, memory_mask: Any, parameters: dict[str, Any], dense: Any
    ) -> tuple[Any, Any]:
        """Read the memory, see `Attention.attend`."""
        scores = self.scores(query, parameters, dense)
        mask = with_steps(memory_mask, query)
        places = ops.arange(ops.shape(scores)[-1], dtype="float32")
        if self.maximum_source_length is not None:
            mask = _both(mask, places < self.maximum_source_length)
        if self.local is None:
            weights = masked_softmax(scores, mask)
            return dense("memory", weights), weights
        distance = places - self._center(query, position, parameters, dense)
        weights = masked_softmax(scores, _both(mask, ops.abs(distance) <= self.window))
        if self.local == "predictive":
            deviation = self.window / 2
            nearness = ops.exp(-ops.square(distance) / (2 * deviation**2))
            weights = weights * ops.cast(nearness, weights.dtype)
        return dense("memory", weights), weights

    def _center(self, query: Any, position: Any, parameters: dict[str, Any], dense: Any) -> Any:
        """The place p in the middle of the window, float32 `[B, 1]` or `[B, T, 1]`."""
        length = with_steps(parameters["length"], query)
        if self.local == "monotonic":
            return ops.minimum(position, length - 1)
        bent = ops.tanh(dense("place", query)) * parameters["place_vector"]
        share = ops.sigmoid(ops.sum(ops.cast(bent, "float32"), axis=-1, keepdims=True))
        return length * share


def _both(mask: Any, other: Any) -> Any:
    return other if mask is None else ops.logical_and(mask, other)

"""The layers' equations in NumPy, float64, one position at a time."""

from typing import Any

import numpy as np
import pytest


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))


class Reference:
    """What the layers' docstrings say, computed from the layers' own weights."""

    @staticmethod
    def array(value: Any) -> np.ndarray:
        return np.asarray(value).astype("float64")

    def advance(self, cell: Any, inputs: np.ndarray, state: tuple) -> tuple:
        """The state of a cell after inputs `[B, I]`."""
        kernel, recurrent, bias = map(self.array, (cell.kernel, cell.recurrent_kernel, cell.bias))
        if type(cell).__name__ == "GRUCell":
            a_u, a_r, a_c = np.split(inputs @ kernel + bias, 3, axis=-1)
            recurrent_bias = self.array(cell.recurrent_bias)
            r_u, r_r, r_c = np.split(state[0] @ recurrent + recurrent_bias, 3, axis=-1)
            update, reset = _sigmoid(a_u + r_u), _sigmoid(a_r + r_r)
            candidate = np.tanh(a_c + reset * r_c)
            return (update * state[0] + (1 - update) * candidate,)
        projected, recurrent = inputs @ kernel, state[0] @ recurrent
        if type(cell).__name__ == "RNNCell":
            return (np.tanh(projected + recurrent + bias),)
        normalized = type(cell).__name__ == "LayerNormLSTMCell"
        if normalized:
            projected = self.normalize(projected) * self.array(cell.input_gain)
            recurrent = self.normalize(recurrent) * self.array(cell.recurrent_gain)
        z_i, z_f, z_g, z_o = np.split(projected + recurrent + bias, 4, axis=-1)
        memory = _sigmoid(z_f) * state[1] + _sigmoid(z_i) * np.tanh(z_g)
        shown = memory
        if normalized:
            shown = self.normalize(memory) * self.array(cell.cell_gain) + self.array(cell.cell_bias)
        return _sigmoid(z_o) * np.tanh(shown), memory

    @staticmethod
    def normalize(values: np.ndarray) -> np.ndarray:
        mean, variance = values.mean(-1, keepdims=True), values.var(-1, keepdims=True)
        return (values - mean) / np.sqrt(variance + 1e-3)

    def run(
        self, cell: Any, inputs: np.ndarray, state: tuple, mask: np.ndarray, reverse: bool = False
    ) -> tuple[np.ndarray, tuple]:
        """The hidden states `[T, B, U]` and the last state, for inputs `[T, B, I]`."""
        positions = range(len(inputs))
        outputs: dict[int, np.ndarray] = {}
        for t in reversed(positions) if reverse else positions:
            after = self.advance(cell, inputs[t], state)
            real = mask[t][:, None]
            state = tuple(np.where(real, new, old) for new, old in zip(after, state, strict=True))
            outputs[t] = state[0]
        return np.stack([outputs[t] for t in positions]), state

    def attend(
        self,
        attention: Any,
        query: np.ndarray,
        memory: np.ndarray,
        mask: np.ndarray,
        position: int = 0,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The context `[B, M]` and the weights `[B, S]` of queries `[B, U]`, the target's t-th."""
        kind = getattr(attention, "score", "bahdanau")
        places, length = np.arange(memory.shape[1]), mask.sum(-1, keepdims=True)
        keys = memory
        if attention.memory_kernel is not None:
            keys = memory @ self.array(attention.memory_kernel)
        if kind == "location":
            known = attention.maximum_source_length
            scores = query @ self.array(attention.location_kernel)
            scores = np.pad(scores, ((0, 0), (0, len(places))))[:, : len(places)]
            mask = mask & (places < known)
        elif kind in ("bahdanau", "concat"):
            sums = (query @ self.array(attention.query_kernel))[:, None] + keys
            vector = self.array(attention.vector)
            if getattr(attention, "normalized", False):
                sums = sums + self.array(attention.bias)
                vector = self.array(attention.length) * vector / np.sqrt((vector**2).sum())
            scores = np.tanh(sums) @ vector
        else:
            scores = np.einsum("bu,bsu->bs", query, keys)
        if getattr(attention, "scaled", False):
            scores = scores / np.sqrt(attention.units)
        local, center = getattr(attention, "local", None), np.zeros_like(length)
        if local == "monotonic":
            center = np.minimum(position, length - 1)
        elif local == "predictive":
            bent = np.tanh(query @ self.array(attention.position_kernel))
            center = length * _sigmoid(bent @ self.array(attention.position_vector))[:, None]
        if local:
            mask = mask & (np.abs(places - center) <= attention.window)
        exponents = np.where(mask, np.exp(scores), 0.0)
        total = exponents.sum(-1, keepdims=True)
        weights = exponents / np.where(total, total, 1.0)
        if local == "predictive":
            weights = weights * np.exp(
                -((places - center) ** 2) / (2 * (attention.window / 2) ** 2)
            )
        return np.einsum("bs,bsm->bm", weights, memory), weights


@pytest.fixture(scope="session")
def reference() -> Reference:
    return Reference()

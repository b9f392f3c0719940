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
        """The state of an LSTM or a GRU after inputs `[B, I]`."""
        kernel, recurrent, bias = map(self.array, (cell.kernel, cell.recurrent_kernel, cell.bias))
        if len(state) == 2:
            z = inputs @ kernel + state[0] @ recurrent + bias
            z_i, z_f, z_g, z_o = np.split(z, 4, axis=-1)
            memory = _sigmoid(z_f) * state[1] + _sigmoid(z_i) * np.tanh(z_g)
            return _sigmoid(z_o) * np.tanh(memory), memory
        a_u, a_r, a_c = np.split(inputs @ kernel + bias, 3, axis=-1)
        r_u, r_r, r_c = np.split(state[0] @ recurrent + self.array(cell.recurrent_bias), 3, axis=-1)
        update, reset = _sigmoid(a_u + r_u), _sigmoid(a_r + r_r)
        candidate = np.tanh(a_c + reset * r_c)
        return (update * state[0] + (1 - update) * candidate,)

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
        self, attention: Any, query: np.ndarray, memory: np.ndarray, mask: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The context `[B, M]` and the weights `[B, S]` of queries `[B, U]`."""
        kind = getattr(attention, "score", "bahdanau")
        keys = memory
        if attention.memory_kernel is not None:
            keys = memory @ self.array(attention.memory_kernel)
        if kind in ("bahdanau", "concat"):
            sums = (query @ self.array(attention.query_kernel))[:, None] + keys
            scores = np.tanh(sums) @ self.array(attention.vector)
        else:
            scores = np.einsum("bu,bsu->bs", query, keys)
        if getattr(attention, "scaled", False):
            scores = scores / np.sqrt(attention.units)
        exponents = np.where(mask, np.exp(scores), 0.0)
        weights = exponents / exponents.sum(-1, keepdims=True)
        return np.einsum("bs,bsm->bm", weights, memory), weights


@pytest.fixture(scope="session")
def reference() -> Reference:
    return Reference()

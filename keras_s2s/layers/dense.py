"""What a step of a recurrence is, and the matrices that it multiplies with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from keras import ops

# From a carry, the inputs of a position and the weights to the next carry and the output.
Step = Callable[[Any, Any, Any], tuple[Any, Any]]


class Dense(NamedTuple):
    """A matrix that a step multiplies with: `dense(v)` is `v @ matrix`, plus a bias if given.

    Example:
        >>> import numpy as np
        >>> tuple(Dense(np.ones((2, 3, 4)))(np.ones((2, 3))).shape)
        (2, 4)
    """

    matrix: Any  # [in, out], or [B, in, out]: one for each row
    bias: Any = None  # [out]

    def __call__(self, value: Any) -> Any:
        """The product, `[..., in] -> [..., out]`."""
        if len(self.matrix.shape) == 3 and len(value.shape) == 2:
            product = ops.squeeze(ops.matmul(ops.expand_dims(value, 1), self.matrix), 1)
        else:
            product = ops.matmul(value, self.matrix)
        return product if self.bias is None else product + self.bias

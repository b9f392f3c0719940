"""Dropping rows that have ended, which makes a batch faster and changes no result.

Sentences of one batch end at different steps, and a batch takes as long as its longest hypothesis.
So rows that have ended are dropped whenever they are enough to be worth the copy; the rest continue
as a smaller batch.
"""

from collections.abc import Callable
from numbers import Integral
from typing import Any

from keras import ops

from keras_s2s.search.inputs import Fixed, Search, SearchInputs, Tensor
from keras_s2s.search.rows import take_each
from keras_s2s.search.structure import flatten, map_tensors, while_loop


def may_drop_rows(fixed: Fixed, inputs: SearchInputs) -> bool:
    """Whether rows can leave the loop: all that it reads is passed in, with any batch size."""
    if inputs.constants is None or isinstance(inputs.batch_size, Integral):
        return False
    return all(tensor.shape[0] is None for tensor in flatten(fixed))


def run_and_drop_rows(
    search: Search,
    run_while: Callable[[Any, Fixed, Callable[[Tensor], Tensor]], Any],
    carry: Any,
    fixed: Fixed,
    batch_size: Tensor,
    beam_size: int,
) -> Any:
    """Run a search to its end and return the results of all sentences.

    Args:
        search: What to do at each step.
        run_while: Runs its loop on some of the sentences, for as long as a function of
            `search.is_live` allows, and returns the carry.
        carry: Before the first step.
        fixed: What stays the same.
        batch_size: B, an int32 scalar tensor.
        beam_size: K.
    """

    def run_and_drop(indices: Tensor, carry: Any, fixed: Fixed, found: Any) -> tuple:
        count = ops.shape(indices)[0]
        carry = run_while(
            carry, fixed, lambda is_live: 4 * ops.sum(ops.cast(is_live, "int32")) > 3 * count
        )
        found = map_tensors(
            lambda whole, part: ops.scatter_update(whole, indices[:, None], part),
            found,
            search.results(carry),
        )
        live = ops.cast(ops.nonzero(search.is_live(carry))[0], "int32")
        rows = ops.reshape(live[:, None] * beam_size + ops.arange(beam_size, dtype="int32"), (-1,))
        indices, fixed = take_each((indices, fixed), live)
        return indices, search.take(carry, live, rows), fixed, found

    indices = ops.arange(batch_size, dtype="int32")
    return while_loop(
        lambda indices, *_: ops.shape(indices)[0] > 0,
        run_and_drop,
        (indices, carry, fixed, search.results(carry)),
    )[-1]

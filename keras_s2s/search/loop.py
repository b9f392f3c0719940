"""The loop of every search: it runs until all rows have ended and drops rows that have ended.

Sentences of one batch end at different steps, and a batch takes as long as its longest hypothesis.
So rows that have ended are dropped whenever they are enough to be worth the copy; the rest continue
as a smaller batch.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from keras import ops

from keras_s2s.search.inputs import SearchInputs, Tensor
from keras_s2s.search.rows import repeat_rows
from keras_s2s.search.structure import map_tensors, while_loop


class Fixed(NamedTuple):
    """What a search reads of its N sentences and never changes."""

    limits: Tensor  # int32 [N]: longest hypothesis in tokens
    source_mask: Tensor  # bool [N, S]; () unless it is needed
    numbers: Tensor  # float32 [N, T]: what a sample is drawn by; () in other searches
    constants: tuple  # the step's own, tensors [N, ...]; [N * K, ...] inside the loop


class Search(NamedTuple):
    """What tells one search from another. Its carry is what one step hands to the next."""

    advance: Callable[[Any, Fixed], Any]  # the carry after one more token
    is_live: Callable[[Any], Tensor]  # bool [N]: sentences that have not ended
    take: Callable[[Any, Tensor], Any]  # the carry of some sentences alone, int32 [M]
    results: Callable[[Any], Any]  # nested structure of tensors [N, ...]


def run_search_loop(
    search: Search, carry: Any, fixed: Fixed, inputs: SearchInputs, beam_size: int
) -> Any:
    """Run a search to its end and return the results of all sentences.

    Args:
        search: What to do at each step.
        carry: Before the first step.
        fixed: What stays the same.
        inputs: What every search reads.
        beam_size: Rows that the step computes for each sentence.
    """

    def run_while(carry: Any, fixed: Fixed, goes_on: Callable[[Tensor], Tensor]) -> Any:
        fixed = fixed._replace(constants=repeat_rows(fixed.constants, beam_size))
        (carry,) = while_loop(
            lambda carry: goes_on(search.is_live(carry)),
            lambda carry: (search.advance(carry, fixed),),
            (carry,),
        )
        return carry

    if not inputs.may_drop_rows(fixed):
        return search.results(run_while(carry, fixed, ops.any))

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
        indices, fixed = map_tensors(
            lambda tensor: ops.take(tensor, live, axis=0), (indices, fixed)
        )
        return indices, search.take(carry, live), fixed, found

    indices = ops.arange(inputs.batch_size, dtype="int32")
    return while_loop(
        lambda indices, *_: ops.shape(indices)[0] > 0,
        run_and_drop,
        (indices, carry, fixed, search.results(carry)),
    )[-1]

"""The loop of every search: it runs until all rows have ended."""

from collections.abc import Callable
from typing import Any

from keras import ops

from keras_s2s.search.ended_rows import may_drop_rows, run_and_drop_rows
from keras_s2s.search.inputs import Fixed, Search, SearchInputs, Tensor
from keras_s2s.search.rows import repeat_rows
from keras_s2s.search.structure import while_loop


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

    if may_drop_rows(fixed, inputs):
        return run_and_drop_rows(search, run_while, carry, fixed, inputs.batch_size, beam_size)
    return search.results(run_while(carry, fixed, ops.any))

"""The proof that every export ends with: it runs what was written beside the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .golden import GOLDEN, write_golden_vectors
from .parity import TOLERANCES, compare, contract_run, greedy_answers, step_difference


def prove(
    translator: Any,
    new: Path,
    runtimes: dict[str, Callable[..., Any]],
    texts: Sequence[str],
    sources: Sequence[Sequence[int]],
    *,
    quantize: str = "none",
    lengths: Sequence[int] = (),
) -> dict[str, Any]:
    """Compare greedy answers, and write those of the artifact down as examples.

    Args:
        translator: What was exported.
        new: Where it was written.
        runtimes: By name what runs it, as for `greedy_answers`.
        texts: What to compare with.
        sources: Their ids, see `sample_sources`.
        quantize: What the weights are kept in; in "int8" answers may differ.
        lengths: As for `greedy_answers`.

    Returns:
        What the manifest says of it.

    Raises:
        ValueError: An answer differs that must not.
    """
    from .contract import Contract

    model = translator.model
    contract = Contract(model, weights=model.decoder.step_weights())
    own = contract_run(contract)
    expected = greedy_answers(own, sources)
    parity, found = {}, expected
    for name, run in runtimes.items():
        found = greedy_answers(run, sources, lengths)

        def difference(place: int, run: Any = run) -> float:
            return step_difference(own, run, sources[place], lengths)

        agreement = compare(expected, found, texts, TOLERANCES[quantize], difference)
        if quantize != "int8" and agreement.first_difference is not None:
            raise ValueError(
                f"The export and the model must agree, in the {name}. "
                f"Received: {agreement.first_difference}"
            )
        parity[name] = agreement.to_dict()
    write_golden_vectors(new / GOLDEN, translator, texts, sources, found)
    return {"parity": parity, "golden": GOLDEN}

"""Given targets through an export: as through the model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras_s2s.export.formats import FORMATS
from keras_s2s.inference.forced import force

PAIRS = [("abc", "cab"), ("", "a"), ("deadbee", ""), ("jig?", "한j é")]


@pytest.mark.parametrize("form", ["litert", "onnx", "saved_model"])
def test_an_export_reads_targets_as_its_model(
    form: str, make: Callable[..., Any], exported_as: Callable[[str], Path]
) -> None:
    exported = FORMATS[form].runner.load()(exported_as(form))
    expected = force(make(input_feeding=True), PAIRS, attention=True)
    for ours, theirs in zip(force(exported, PAIRS, attention=True), expected, strict=True):
        assert ours[:4] == theirs[:4]
        logs = [one.found.log_probabilities for one in (ours, theirs)]
        np.testing.assert_allclose(logs[0], logs[1], atol=1e-4)
        assert ours.found.attention is not None and theirs.found.attention is not None
        np.testing.assert_allclose(ours.found.attention, theirs.found.attention, atol=1e-4)
    (plain, *_) = force(exported, PAIRS)
    assert plain.found.attention is None

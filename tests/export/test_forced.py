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
        np.testing.assert_allclose(*(one.found[0] for one in (ours, theirs)), atol=1e-4)
        np.testing.assert_allclose(*(one.found[1] for one in (ours, theirs)), atol=1e-4)
    (plain, *_) = force(exported, PAIRS)
    assert plain.found.attention is None

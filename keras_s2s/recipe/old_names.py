"""Names that options had in earlier versions; files written with them are still read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OLD_NAMES = {
    "embedding": "embedding_dimension",
    "layers": "num_layers",
    "places": "maximum_source_length",
    "jitter": "length_noise",
    "choose_by": "monitor",
    "clip_norm": "global_clipnorm",
    "accumulation": "gradient_accumulation_steps",
    "averaging": "ema_momentum",
}


def renamed(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options by their names of today, which a file may hold by their old ones."""
    return {OLD_NAMES.get(name, name): value for name, value in options.items()}

"""The weights that OpenNMT-tf decodes with: its own, or ours in the shapes of its model."""

# pyright: reportMissingImports=false

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def assign_shared_weights(model: Any, path: Path) -> None:
    """Put the weights that `share_weights.py` wrote into the model."""
    import numpy as np

    encoder, decoder = model.encoder.rnn.rnn, model.decoder
    cells = {
        "forward": encoder.forward_layer.cell.cells[0].layer,
        "backward": encoder.backward_layer.cell.cells[0].layer,
        "decoder": decoder.cell._cell.cells[0].layer,
    }
    variables = {
        "source_embedding": model.features_inputter.embedding,
        "target_embedding": model.labels_inputter.embedding,
        "attention_kernel": decoder.attention_mechanism.memory_layer.kernel,
        "readout_kernel": decoder.cell._attention_layers[0].kernel,
        "bridge_kernel": decoder.bridge.linear.kernel,
        "bridge_bias": decoder.bridge.linear.bias,
        "output_kernel": decoder.output_layer.kernel,
        "output_bias": decoder.output_layer.bias,
    }
    for name, cell in cells.items():
        for part in ("kernel", "recurrent_kernel", "bias"):
            variables[f"{name}_{part}"] = getattr(cell, part)
    with np.load(path) as weights:
        if set(weights) != set(variables) or len(model.variables) != len(variables):
            raise SystemExit(f"{path} must hold {sorted(variables)}. Run share_weights.py again.")
        for name, variable in variables.items():
            variable.assign(weights[name])


def load_weights(model: Any, arguments: argparse.Namespace) -> str:
    """Read the weights to decode with, the shared or the trained ones, and return their name."""
    import opennmt

    if arguments.shared_weights:
        model.create_variables()
        assign_shared_weights(model, arguments.work / "shared_weights.npz")
        return "shared_weights.npz"
    folder = arguments.work / "opennmt_tf"
    path = opennmt.utils.checkpoint.Checkpoint(model, model_dir=str(folder)).restore(
        weights_only=True
    )
    if path is None:
        raise SystemExit(
            "A trained model is needed, since an untrained one never ends a sentence. "
            f"Received: no checkpoint in {folder}. Run: train --steps 1000 --save"
        )
    return Path(path).name

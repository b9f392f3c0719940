"""Write our trained weights in the shapes of OpenNMT-tf's model, so that both decode the same.

    .venv/bin/python tests/benchmarks/share_weights.py --work WORK

Reads WORK/keras_s2s, a translator of the comparison's shape, and writes WORK/shared_weights.npz,
which `peer_opennmt.py translate --shared-weights` loads into the peer's model. Rows of a vocabulary
are in the peer's order; the peer's output bias is zero.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np


def peer_order(tokenizer: Any, vocabulary: Path) -> list[int]:
    """Return our id for each of the peer's: padding, start, end, the pieces, unknown."""
    pieces = vocabulary.read_text(encoding="utf-8").split("\n")[:-1]
    ours = tokenizer.pieces(range(tokenizer.vocabulary_size))
    ids = {piece: index for index, piece in enumerate(ours)}
    special = {"<blank>": 0, "<s>": 2, "</s>": 3}
    order = [special[piece] if piece in special else ids[piece] for piece in pieces]
    if len({*order, 1}) != tokenizer.vocabulary_size or 1 in order:
        raise SystemExit(f"{vocabulary} and the translator must have the same pieces.")
    return [*order, 1]


def peer_weights(translator: Any, work: Path) -> dict[str, np.ndarray]:
    """Return the weights by the names that `peer_weights.py` expects."""
    encoder, decoder = translator.model.encoder, translator.model.decoder
    source = peer_order(translator.source_tokenizer, work / "vocabulary.opennmt.en")
    target = peer_order(translator.target_tokenizer, work / "vocabulary.opennmt.de")
    cell = decoder.stack.cells[0]
    context, hidden = np.split(np.asarray(decoder.stack.readout_kernel), 2)
    (kernels,) = decoder.bridge.kernels
    weights = {
        "source_embedding": np.asarray(encoder.embedding.embeddings)[source],
        "target_embedding": np.asarray(decoder.embedding.embeddings)[target],
        "attention_kernel": decoder.attention.memory_kernel,
        "readout_kernel": np.concatenate([hidden, context]),
        "bridge_kernel": np.concatenate([kernel for kernel, _ in kernels], axis=1),
        "bridge_bias": np.concatenate([bias for _, bias in kernels]),
        "output_kernel": np.asarray(decoder.output_kernel)[:, target],
        "output_bias": np.zeros(len(target), "float32"),
    }
    for name, one in zip(("forward", "backward", "decoder"), [*encoder.cells, cell], strict=True):
        for part in ("kernel", "recurrent_kernel", "bias"):
            weights[f"{name}_{part}"] = getattr(one, part)
    return {name: np.asarray(value) for name, value in weights.items()}


def main() -> None:
    """Read the command line and write the file."""
    parser = argparse.ArgumentParser(description="Write our weights for OpenNMT-tf's model.")
    parser.add_argument("--work", type=Path, required=True, help="folder of prepare.py")
    work = parser.parse_args().work
    from keras_s2s import Translator

    weights: dict[str, Any] = peer_weights(Translator.load(work / "keras_s2s"), work)
    np.savez(work / "shared_weights.npz", **weights)


if __name__ == "__main__":
    main()

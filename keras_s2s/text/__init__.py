"""Text: normalization, tokenizers and their training; no Keras."""

"""The text side: corpora, normalization, tokenizers and batches; no layers, no Keras."""

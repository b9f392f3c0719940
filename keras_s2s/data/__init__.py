"""From pairs of texts to batches of token ids, in memory or from shards."""

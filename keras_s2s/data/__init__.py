"""From pairs of texts to batches of ids, in memory or from shards."""

"""Training a translator from pairs of texts, by the options of a recipe."""

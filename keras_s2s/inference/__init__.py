"""From source texts to target texts: search over a step function, and the translator around it."""

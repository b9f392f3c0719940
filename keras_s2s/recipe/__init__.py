"""From files of pairs to a saved translator."""

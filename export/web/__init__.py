"""The page that runs a LiteRT export in a browser."""

"""LiteRT (TFLite), for phones and browsers."""

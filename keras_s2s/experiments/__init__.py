"""Helpers that the notebooks share, and the demo."""

"""What the notebooks share, and the demo."""

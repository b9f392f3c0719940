"""Atomic folders and file locks."""

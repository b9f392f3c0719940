"""Searches over a step function; they know no model."""

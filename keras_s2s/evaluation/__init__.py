"""Evaluation of translations: metrics (`scores`, `by_length`, `likelihood`) and `plots`."""

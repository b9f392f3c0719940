"""How good translations are: in figures (`scores`, `by_length`, `likelihood`) and in `plots`."""

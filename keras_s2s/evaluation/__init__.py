"""How good translations are: in figures (`scores`, `by_length`) and in pictures (`plots`)."""

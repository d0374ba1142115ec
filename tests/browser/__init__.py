"""A package, so that its modules share what a fixture made for all of them."""

"""Looks at all that a node stands on, and says what is wrong with the way out. Changes nothing."""

"""Holds the functions that run inside Redis."""

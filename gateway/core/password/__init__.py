"""Decides which passwords people may choose."""

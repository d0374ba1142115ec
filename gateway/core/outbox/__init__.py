"""Owns what waits to leave this installation."""

"""Owns the keys that sign tokens: how a worker comes by them, and how they are made, rotated and ended."""

"""Owns the sections of the configuration: of each its keys, and what is unsafe or wrong about them."""

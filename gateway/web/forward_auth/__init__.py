"""Owns the two ways in which a proxy asks for a decision."""

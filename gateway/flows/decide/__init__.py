"""Owns how requests are decided with what the stores know."""

"""Owns what the audit log is told, and how it is kept whole."""

"""Owns how personal data is sealed and found again."""

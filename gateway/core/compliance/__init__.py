"""Owns what is shown to auditors: controls, what a period says of them, and who could open what."""

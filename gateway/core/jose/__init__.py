"""Owns signed tokens as bytes: which are well-formed, and which keys and algorithms may sign one."""

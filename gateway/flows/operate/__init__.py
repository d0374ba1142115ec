"""Owns what runs beside requests, and how a node says that it is well."""

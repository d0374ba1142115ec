"""Owns what the audit log says and how its entries are chained."""

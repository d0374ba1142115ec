"""Owns what people and operators do to logins and accounts."""

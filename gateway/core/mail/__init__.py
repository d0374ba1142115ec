"""Owns what people are told by mail."""

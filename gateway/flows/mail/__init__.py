"""Owns what people are told by mail, from the act to the mail server."""

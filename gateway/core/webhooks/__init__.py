"""Owns what leaves this installation as webhooks: which events, in which words, how signed, and when."""

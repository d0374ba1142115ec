"""Owns the text that goes into Caddy's configuration."""

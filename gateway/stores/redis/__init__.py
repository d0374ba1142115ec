"""Owns Redis, the live copy of what Postgres knows, and the rate limits."""

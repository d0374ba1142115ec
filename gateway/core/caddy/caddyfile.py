"""Owns whole Caddyfiles around the snippet: the demo's, and the example at the top of the project."""

from dataclasses import dataclass
from typing import Final

from gateway.core.caddy.snippet import Snippet, snippet_text

EXAMPLE_AUTH_HOST: Final = "auth.example.com"


@dataclass(frozen=True, slots=True)
class ProtectedSite:
    """host: without scheme and port. app: an upstream as Caddy writes it (127.0.0.1:9001, unix//run/app.sock)."""

    host: str
    app: str


@dataclass(frozen=True, slots=True)
class DemoSite:
    """All that the demo's Caddyfile depends on. web: the web listener, as an upstream; admin: `off` or `unix//path`."""

    auth_host: str
    https_port: int
    web: str
    snippet: Snippet
    sites: tuple[ProtectedSite, ...]
    admin: str = "off"


def demo_caddyfile(demo: DemoSite) -> str:
    """Everything on one port with certificates of Caddy's internal authority; nothing listens on port 80."""
    raise NotImplementedError(snippet_text, EXAMPLE_AUTH_HOST)

"""Owns whole Caddyfiles around the snippet: the demo's, and the example at the top of the project."""

from dataclasses import dataclass
from typing import Final

from gateway.core.caddy.snippet import Snippet, filled, indented, snippet_text

EXAMPLE_AUTH_HOST: Final = "auth.example.com"

_DEMO: Final = """
{
    admin <admin>
    persist_config off
    skip_install_trust
    local_certs
    auto_https disable_redirects
    https_port <https port>
    default_bind 127.0.0.1
    grace_period 2s
    servers {
        0rtt off
    }
}
"""

_DEMO_AUTH: Final = """
https://<host>:<port> {
    import bastion_auth
}
"""

_DEMO_SITE: Final = """
https://<host>:<port> {
    import bastion {
        reverse_proxy <app> {
            stream_timeout 15m
        }
    }
}
"""


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
    port = str(demo.https_port)
    parts = [
        indented(filled(_DEMO, admin=demo.admin, https_port=port)),
        snippet_text(demo.snippet),
        indented(filled(_DEMO_AUTH, host=demo.auth_host, port=port)),
        *(indented(filled(_DEMO_SITE, host=site.host, port=port, app=site.app)) for site in demo.sites),
    ]
    return "\n".join(parts)

"""Owns whole Caddyfiles around the snippet: the demo's, and the example at the top of the project."""

from dataclasses import dataclass
from typing import Final

from gateway.core.caddy.snippet import Snippet, snippet_text
from gateway.core.caddy.templates import filled, indented
from gateway.core.policy.cross_origin import cors_block
from gateway.core.policy.header_sets import header_set
from gateway.core.policy.headers import PRIVATE, SHIPPED

EXAMPLE_AUTH_HOST: Final = "auth.example.com"
# As most routes are: for one person, not to be read by other origins, with a rate limit.
EXAMPLE: Final = Snippet(
    header_sets=tuple(
        header_set(
            profile.name,
            (*profile.block(f"https://{EXAMPLE_AUTH_HOST}"), PRIVATE, *cors_block("none", None)),
            rated=True,
        )
        for profile in (SHIPPED["legacy"], SHIPPED["strict"])
    )
)

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
    import bastion_away
}
"""

_DEMO_SITE: Final = """
https://<host>:<port> {
    import bastion {
        reverse_proxy <app> {
            stream_timeout 15m
        }
    }
    import bastion_away
}
"""

_DEMO_ELSE: Final = """
https://:<port> {
    respond 421
}
"""

_EXAMPLE_GLOBAL: Final = """
# Bastion in front of the apps of policies/, as `bastion caddy example` prints it. docs/caddy.md explains it.
# `bastion caddy snippet` prints the two snippets alone, for your configuration.
{
    servers {
        # A request in TLS early data may be a replay, and its address is not proven.
        0rtt off

        # Behind a CDN: its networks, and always the second line with the first.
        # trusted_proxies static 192.0.2.0/24
        # trusted_proxies_strict
    }
}
"""

_EXAMPLE_SITES: Final = """
# Where people log in.
<auth host> {
    import bastion_auth
    import bastion_away
}

# A site stands inside `import bastion { ... }`, whole: what stands beside it is not asked about.
console.example.com {
    import bastion {
        request_body {
            max_size 100MB
        }
        reverse_proxy 127.0.0.1:8080 {
            # Logging out does not reach into an open WebSocket; this ends it.
            stream_timeout 15m
        }
    }

    # A short page while Bastion or the app can't be reached. A handle_errors of your own holds only `respond`: an app
    # in it would be reached without being asked about.
    import bastion_away
}

# Inside, everything that Caddy can do.
wiki.example.com {
    import bastion {
        encode zstd gzip
        request_body {
            max_size 20MB
        }
        handle_path /static/* {
            root * /srv/wiki
            file_server
        }
        handle {
            reverse_proxy 127.0.0.1:8081 {
                stream_timeout 15m
            }
        }
    }
    import bastion_away
}

api.example.com {
    import bastion {
        request_body {
            max_size 1MB
        }
        reverse_proxy 127.0.0.1:8082 {
            stream_timeout 15m
        }
    }
    import bastion_away
}

# Any other host. Without this, Caddy answers it with an empty 200.
https:// {
    respond 421
}
"""


@dataclass(frozen=True, slots=True)
class ProtectedSite:
    """host: without scheme and port. app: an upstream as Caddy writes it (127.0.0.1:9001, unix//run/app.sock)."""

    host: str
    app: str


@dataclass(frozen=True, slots=True)
class DemoSite:
    """All that the demo's Caddyfile depends on. web: the web listener, as an upstream; admin: `off` or `unix//path`.

    snippet: its text.
    """

    auth_host: str
    https_port: int
    web: str
    snippet: str
    sites: tuple[ProtectedSite, ...]
    admin: str = "off"


def demo_caddyfile(demo: DemoSite) -> str:
    """Everything on one port with certificates of Caddy's internal authority; nothing listens on port 80."""
    port = str(demo.https_port)
    parts = [
        indented(filled(_DEMO, admin=demo.admin, https_port=port)),
        demo.snippet,
        indented(filled(_DEMO_AUTH, host=demo.auth_host, port=port)),
        *(indented(filled(_DEMO_SITE, host=site.host, port=port, app=site.app)) for site in demo.sites),
        indented(filled(_DEMO_ELSE, port=port)),
    ]
    return "\n".join(parts)


def example_caddyfile(snippet: Snippet) -> str:
    """What an operator begins with; the Caddyfile at the top of the project is this text."""
    sites = indented(filled(_EXAMPLE_SITES, auth_host=EXAMPLE_AUTH_HOST))
    return "\n".join([indented(_EXAMPLE_GLOBAL), snippet_text(snippet), sites])

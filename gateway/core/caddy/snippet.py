"""Owns the `(bastion)` wrapper that operators put around a site, and `(bastion_auth)` for the auth host."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Snippet:
    """What the text depends on. decision, web: upstreams as Caddy writes them (unix//run/x.sock, 127.0.0.1:9000)."""

    decision: str = "unix//run/bastion/decision.sock"
    web: str = "unix//run/bastion/web.sock"
    remote: bool = True
    x_auth_request: bool = False


def snippet_text(snippet: Snippet) -> str:
    """The two snippets, ready to be imported by a Caddyfile."""
    raise NotImplementedError(snippet)

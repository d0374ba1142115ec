"""Owns `(bastion_auth)`, by which Caddy asks for the pages of the auth host."""

from typing import Final

from gateway.core.caddy.templates import filled, indented

# An expression, because a regexp matcher is content with one line of several, and Caddy would forward the other (P3).
# No page takes an upgrade, so each is ignored (RFC 9110 section 7.8).
# `respond`, not `error`: an operator's handle_errors must not see these (P2).
_AUTH: Final = r"""
# The auth host: the pages of Bastion itself.
(bastion_auth) {
    route {
        # Whoever reads a mailed link can use it: no request with its token gets into an access log.
        @bastion_link query t=*
        log_skip @bastion_link
        @bastion_connection expression `!{http.request.header.Connection}.matches("(?i)^[ \t,]*((keep-alive|close|upgrade|te|http2-settings)[ \t,]*)*$")`
        respond @bastion_connection "Connection names more than keep-alive, close, upgrade, TE and HTTP2-Settings." 400
        @bastion_connect method CONNECT
        respond @bastion_connect "CONNECT opens nothing here." 400
        request_header -Upgrade
        request_header -X*
        request_header -Remote*
        request_header -Forwarded
        request_header X-Forwarded-Host {http.request.hostport}
        request_header X-Forwarded-Proto {http.request.scheme}
        header {
            -Via
            -Server
            -X-Bastion*
        }
        request_body {
            max_size 64KiB
        }
        <console>
        reverse_proxy <web> {
            <pages>
        }
    }
}
"""  # noqa: E501
_PAGES: Final = """
header_up X-Request-Id {http.request.uuid}
header_up X-Forwarded-For {client_ip}
transport http {
    dial_timeout 1s
    # A password may wait for its turn to be compared.
    response_header_timeout 30s
}
"""
# Only where the console has a listener of its own. From elsewhere the other one answers, which has no such pages.
_CONSOLE: Final = """
@bastion_console {
    path /admin /admin/*
    <from>
}
reverse_proxy @bastion_console <listen> {
    <pages>
}
"""


def auth_text(web: str, console: str, console_from: tuple[str, ...]) -> str:
    """web, console: upstreams as Caddy writes them; console "": web has its pages.

    console_from: networks, none for all.
    """
    return indented(filled(_AUTH, console=_console(console, console_from), web=web, pages=_PAGES))


def _console(listen: str, networks: tuple[str, ...]) -> str:
    if not listen:
        return ""
    return filled(_CONSOLE, **{"from": f"client_ip {' '.join(networks)}" if networks else "", "listen": listen})

"""Judges what concerns a whole server of Caddy's: ports, TLS, trusted proxies, early data, hosts that nobody knows."""

from collections.abc import Iterator
from enum import Enum
from ipaddress import ip_network
from typing import Final

from gateway.core.caddy.adapted import Adapted, Server, handlers_below, items_in, mapping_in, port_of, texts_in
from gateway.core.caddy.findings import Finding, Level
from gateway.core.caddy.hosts import hosts_of
from gateway.core.caddy.kinds import redirects_to_https
from gateway.core.policy.site import Site

_LOOPBACK: Final = ("127.", "localhost", "[::1]")
_WIDEST: Final = {4: 12, 6: 10}  # prefix lengths: 172.16.0.0/12 is everybody's neighbourhood, 192.168.0.0/16 too
_PRIVATE: Final = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")))
_STANDARD: Final = 443


class Listening(Enum):
    """How a request to a site travels."""

    TLS = "TLS"
    CLEAR = "plain HTTP from anywhere"
    BEHIND = "plain HTTP from this machine or from proxies that are named"


def listening(adapted: Adapted, server: Server, host: str) -> Listening:
    if all(_tls(adapted, server, address, host) for address in server.listen):
        return Listening.TLS
    if all(map(is_local, server.listen)) or server.fields.get("trusted_proxies"):
        return Listening.BEHIND
    return Listening.CLEAR


def judge_server(adapted: Adapted, server: Server, site: Site) -> Iterator[Finding]:
    """Of a server with a host of policy."""
    yield from _proxies(server)
    hosts = [host for route in server.routes for host in hosts_of(route)]
    if all(listening(adapted, server, host) is not Listening.TLS for host in hosts or [""]):
        return
    if _speaks_h3(server) and server.fields.get("allow_0rtt") is not False:
        yield _early_data(server)
    if all(map(hosts_of, server.routes)):
        yield _no_catch_all(server)
    if _standard(adapted, server) and site.origin_port == _STANDARD:
        yield from _redirects(adapted, server)


def judge_admin(adapted: Adapted) -> Iterator[Finding]:
    listen = str(adapted.admin.get("listen") or "localhost:2019")
    if adapted.admin.get("disabled") is not True and not listen.startswith("unix/"):
        yield Finding(
            "admin", Level.WARNING, "", "admin", f"the admin API listens on {listen}",
            "any program that connects to it, such as an app on this machine, can replace the configuration",
            "write `admin unix//run/caddy/admin.sock` or `admin off` into the global options",
        )  # fmt: skip


def _tls(adapted: Adapted, server: Server, address: str, host: str) -> bool:
    """As Caddy decides: by explicit policies, or by automatic HTTPS for names; never on the HTTP port."""
    if port_of(address) == adapted.http_port:
        return False
    if server.fields.get("tls_connection_policies"):
        return True
    automatic = server.automatic_https
    names = [name for route in server.routes for name in hosts_of(route)]
    skipped = texts_in(automatic, "skip")
    return automatic.get("disable") is not True and host not in skipped and bool(set(names) - set(skipped))


def is_local(address: str) -> bool:
    return address.startswith(("unix", *_LOOPBACK))


def _speaks_h3(server: Server) -> bool:
    protocols = texts_in(server.fields, "protocols")
    return not protocols or "h3" in protocols


def _standard(adapted: Adapted, server: Server) -> bool:
    return any(port_of(address) == adapted.https_port for address in server.listen)


def _proxies(server: Server) -> Iterator[Finding]:
    trusted = mapping_in(server.fields, "trusted_proxies")
    if not trusted:
        return
    at = f"{server.at}.trusted_proxies"
    if not server.fields.get("trusted_proxies_strict"):
        yield Finding(
            "proxies", Level.ERROR, "", at, "trusted_proxies without trusted_proxies_strict",
            "Caddy takes the address that the client wrote, so rules by network and limits protect nothing",
            "write `trusted_proxies_strict` into the same `servers` block", "trusted_proxies",
        )  # fmt: skip
    wide = [written for written in map(str, items_in(trusted, "ranges")) if _is_wide(written)]
    if wide:
        yield Finding(
            "wide-proxies", Level.WARNING, "", at, f"trusts {', '.join(wide)} as proxies",
            "any neighbour in these networks can claim any address",
            "name the proxy's own addresses", "trusted_proxies",
        )  # fmt: skip


def _is_wide(written: str) -> bool:
    try:
        network = ip_network(written, strict=False)
    except ValueError:
        return False
    if network.prefixlen <= _WIDEST[network.version]:
        return True
    return any(network == private for private in _PRIVATE)


def _early_data(server: Server) -> Finding:
    return Finding(
        "early-data", Level.ERROR, "", server.at, "HTTP/3 takes early data",
        "such a request may be a replay, and its address is not proven",
        "write `0rtt off` into `servers { ... }` of the global options", "servers",
    )  # fmt: skip


def _no_catch_all(server: Server) -> Finding:
    return Finding(
        "catch-all", Level.WARNING, "", server.at, "no site for unknown hosts",
        "Caddy answers a request with another Host header with an empty 200, and monitors take that for health",
        f"add a site `{server.listen[0]}` with the line `respond 421`",
    )  # fmt: skip


def _redirects(adapted: Adapted, server: Server) -> Iterator[Finding]:
    automatic = server.automatic_https
    if not (automatic.get("disable_redirects") is True or automatic.get("disable") is True):
        return
    redirected = {
        host
        for other in adapted.servers
        if any(port_of(address) == adapted.http_port for address in other.listen)
        for route in other.routes
        if any(redirects_to_https(handler) for handler in handlers_below((route,)))
        for host in hosts_of(route) or ("*",)
    }
    missing = [host for route in server.routes for host in hosts_of(route) if not {host, "*"} & redirected]
    if missing:
        yield Finding(
            "no-redirect", Level.ERROR, ", ".join(dict.fromkeys(missing)), f"{server.at}.automatic_https",
            "the redirect from port 80 is off, and no site redirects",
            "another server, or a later site, may answer there in clear text",
            "remove `auto_https off` or `auto_https disable_redirects`, or redirect in your own site",
            "auto_https",
        )  # fmt: skip

"""Looks at the hosts as browsers do: their names, and the certificate that is shown for each."""

import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from gateway.core.units import DAY_S, HOUR_S
from gateway.flows.doctor.diagnosis import Diagnosis, failed, ok, warning
from gateway.flows.policy.caddy_check import address_of

_AT_ONCE: Final = 16
_WITHIN_S: Final = 5.0
_LEFT: Final = 10  # a tenth of its lifetime: Caddy renews at a third

_LABEL: Final = re.compile(r"[a-z0-9_-]+")
_SOME: Final = "bastion-doctor"  # a host that a wildcard covers


def examine_hosts(hosts: Sequence[str], port: int, trust: ssl.SSLContext, now: int) -> Iterator[Diagnosis]:
    """hosts: as policy names them, wildcards among them. port: of all of them. now: Unix seconds."""
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        for findings in threads.map(lambda host: _examine(host, port, trust, now), hosts):
            yield from findings


def _examine(host: str, port: int, trust: ssl.SSLContext, now: int) -> list[Diagnosis]:
    """A certificate is only to be had where the name leads somewhere."""
    name = ".".join(label if _LABEL.fullmatch(label) else _SOME for label in host.split("."))
    try:
        found = socket.getaddrinfo(address_of(name), port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        advice = f"add a record for {host} that leads to Caddy, in DNS or in /etc/hosts"
        return [failed(f"dns {host}", f"{name} has no address", advice)]
    addresses = dict.fromkeys(str(sockaddr[0]) for *_how, sockaddr in found)
    return [ok(f"dns {host}", ", ".join(addresses)), _certificate(host, name, port, trust, now)]


def _certificate(host: str, name: str, port: int, trust: ssl.SSLContext, now: int) -> Diagnosis:
    check = f"certificate {host}"
    try:
        with (
            socket.create_connection((address_of(name), port), _WITHIN_S) as plain,
            trust.wrap_socket(plain, server_hostname=name) as channel,
        ):
            shown = channel.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        advice = "let Caddy get a certificate (its log says why it has none), or name your authority with --ca"
        return failed(check, f"is not trusted: {error.verify_message}", advice)
    except ssl.SSLError as error:
        advice = f"add a site for {host} to the Caddyfile, and look at its `tls` and at Caddy's log"
        return failed(check, f"no TLS at {name}:{port}: {error.reason or error}", advice)
    except OSError as error:
        advice = "start Caddy, or open the port in the firewall"
        return failed(check, f"no connection to {name}:{port}: {error.strerror or error}", advice)
    since, until = (ssl.cert_time_to_seconds(str(shown[name])) for name in ("notBefore", "notAfter"))
    return _age(check, until - since, until - now)


def _age(check: str, lifetime_s: float, left_s: float) -> Diagnosis:
    told = f"{left_s / DAY_S:.0f} days" if left_s > 2 * DAY_S else f"{left_s / HOUR_S:.0f} hours"
    if left_s < lifetime_s / _LEFT:
        return warning(check, f"ends in {told}", "Caddy's log says why it was not renewed")
    return ok(check, f"is trusted for another {told}")

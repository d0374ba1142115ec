"""Owns what may be written as the address of an endpoint."""

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from gateway.core.errors import GatewayError
from gateway.core.policy.networks import NetworkSet

_LONGEST: Final = 2_000


class AddressMalformed(GatewayError):
    """The message says why, and not the address: it may hold a secret."""


def judged(url: str, allowed: NetworkSet) -> str:
    """url itself. Raises AddressMalformed.

    Whether the address may be reached is judged again at each attempt, of what its name resolves to then.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise AddressMalformed("the address can't be read as a URL") from error
    if parts.scheme not in ("https", "http") or not parts.hostname or port == 0:
        raise AddressMalformed("expected an address such as https://receiver.example.com/bastion")
    if (
        parts.username is not None
        or parts.fragment
        or len(url) > _LONGEST
        or not url.isascii()
        or not url.isprintable()
    ):
        raise AddressMalformed(
            "expected an address without user, password and fragment, in printable ASCII,"
            f" of at most {_LONGEST} characters"
        )
    if parts.scheme == "http" and not _may_be_clear(parts.hostname, allowed):
        raise AddressMalformed("http needs an address in a network of webhooks.allow_networks; expected https")
    return url


def _may_be_clear(host: str, allowed: NetworkSet) -> bool:
    """A name is judged when it is connected to."""
    try:
        return ip_address(host) in allowed
    except ValueError:
        return bool(allowed.networks)

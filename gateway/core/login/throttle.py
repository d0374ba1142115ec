"""Which buckets a login attempt spends from, before and after its password is known to be wrong or right."""

import hashlib
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final, TypeAlias

from gateway.core.login.attempt import Device
from gateway.core.session.tokens import b64

Address: TypeAlias = IPv4Address | IPv6Address

_IPV6_NETWORK_BITS: Final = 64
_UNKNOWN_ADDRESS: Final = "unknown"  # threats.md L7: all of them share one bucket


@dataclass(frozen=True, slots=True)
class Bucket:
    """slot and who as in core/forward/ask.py Spend."""

    slot: str
    who: str


@dataclass(frozen=True, slots=True)
class LoginBuckets:
    """before: must have room, or the password is not looked at. on_failure: spent besides, and never asked.

    A known device has a bucket of its own and so is not locked out by guesses from its address, and a success from it
    costs the address nothing (threats.md L4). A failure from it costs the address what any failure costs.
    """

    before: Bucket
    on_failure: Bucket | None


def login_buckets(address: Address | None, device: Device, *, known: bool) -> LoginBuckets:
    """known: this device has seen this name sign in (attempt.knows)."""
    shared = address_bucket(address)
    if not known:
        return LoginBuckets(shared, None)
    slot = "d" + b64(hashlib.sha256(device.id.encode()).digest()[:12])
    return LoginBuckets(Bucket(slot, ""), shared)


def address_bucket(address: Address | None) -> Bucket:
    """One bucket for an IPv4 address or an IPv6 /64; one for all whose address is not known."""
    text = _UNKNOWN_ADDRESS if address is None else _network(address)
    return Bucket("i" + b64(hashlib.sha256(text.encode()).digest()[:12]), "")


def _network(address: Address) -> str:
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    if isinstance(address, IPv4Address):
        return str(address)
    kept = int(address) >> (128 - _IPV6_NETWORK_BITS) << (128 - _IPV6_NETWORK_BITS)
    return str(IPv6Address(kept))

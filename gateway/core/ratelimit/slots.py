"""Names the buckets that belong to an address: one for an IPv4 address, an IPv6 /64, or all that are not known."""

import hashlib
from base64 import urlsafe_b64encode
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address

EVERYONE: Final = "e"
_IPV6_NETWORK_BITS: Final = 64
_UNKNOWN: Final = "unknown"  # threats.md L7: all of them share one bucket


@lru_cache(8192)
def address_slot(address: Address | None) -> str:
    """17 characters; who wants the address has to try all. Two versions of a fleet share it, so it can't change."""
    text = _UNKNOWN if address is None else _network(address)
    return "i" + urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:12]).decode()


def _network(address: Address) -> str:
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    if isinstance(address, IPv4Address):
        return str(address)
    kept = int(address) >> (128 - _IPV6_NETWORK_BITS) << (128 - _IPV6_NETWORK_BITS)
    return str(IPv6Address(kept))

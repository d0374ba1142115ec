"""Names the buckets of callers who are nobody yet: an IPv4 address, an IPv6 /64, a named network, a device."""

import hmac
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from gateway.core.addresses import Address, plain_address
from gateway.core.base64url import b64

EVERYONE: Final = "e"
_IPV6_NETWORK_BITS: Final = 64
_UNKNOWN: Final = "unknown"  # threats.md L7: all of them share one bucket
_MOST_ADDRESSES: Final = 8192


class BucketNames:
    """Keyed, so that who reads Redis can't try all addresses to find those that were here (threats.md R14).

    A name has 17 characters. Two versions of a fleet share buckets, so what it is made of can't change.
    """

    def __init__(self, key: bytes) -> None:
        """key: core/keys.py bucket."""
        self._key = key
        self.of_address: Callable[[Address | None], str] = lru_cache(_MOST_ADDRESSES)(self._of_address)

    def of_network(self, name: str) -> str:
        """A network that limits name: one bucket for all addresses in it."""
        return "n" + self._digest(name)

    def of_client(self, client: str) -> str:
        return "c" + self._digest(client)

    def of_mailbox(self, person: str) -> str:
        return "m" + self._digest(person)

    def of_device(self, device_id: str) -> str:
        return "d" + self._digest(device_id)

    def of_factor(self, user_id: str, device_id: str) -> str:
        """Codes of a person from a device; "": from all that they never signed in from."""
        return "f" + self._digest(f"{user_id}\0{device_id}")

    def of_person(self, user_id: str) -> str:
        return "p" + self._digest(user_id)

    def _of_address(self, address: Address | None) -> str:
        """None: an address that is not known."""
        return "i" + self._digest(_UNKNOWN if address is None else _network(address))

    def _digest(self, text: str) -> str:
        return b64(hmac.digest(self._key, text.encode(), "sha256")[:12])


def _network(address: Address) -> str:
    plain = plain_address(address)
    if isinstance(plain, IPv4Address):
        return str(plain)
    kept = int(plain) >> (128 - _IPV6_NETWORK_BITS) << (128 - _IPV6_NETWORK_BITS)
    return str(IPv6Address(kept))

"""Posts forms to addresses that policy names, never to one inside unless the configuration allows it (oauth.md O8)."""

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlencode

import aiohttp

from gateway.core.oauth.internal_networks import INTERNAL
from gateway.core.policy.networks import NetworkSet
from gateway.outbound.webhook import post

_HEADERS: Final = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "bastion"}
_TIMEOUT_S: Final = 5.0


class AddressRefused(OSError):
    """The address is inside."""


@dataclass(frozen=True, slots=True)
class GuardedPost:
    """allowed: inside, and reached all the same."""

    allowed: NetworkSet

    async def form(self, url: str, fields: Mapping[str, str]) -> None:
        """Each attempt's own address is judged, so no name resolves to another meanwhile. Raises Undelivered."""
        connector = aiohttp.TCPConnector(socket_factory=guard(self.allowed), force_close=True)
        await post(url, urlencode(fields).encode(), _HEADERS, _TIMEOUT_S, connector)


def guard(allowed: NetworkSet) -> Callable[[aiohttp.AddrInfoType], socket.socket]:
    """Makes sockets for addresses outside, and for those that are allowed. Raises AddressRefused."""

    def open_socket(info: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, _name, where = info
        address = ip_address(str(where[0]).partition("%")[0])
        if address in INTERNAL and address not in allowed:
            raise AddressRefused("the address is internal, and no network of oauth.allow_networks")
        return socket.socket(family, kind, protocol)

    return open_socket

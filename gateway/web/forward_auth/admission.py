"""Owns who may connect to the decision listener, whose questions go first, and whether anything more is taken."""

import asyncio
from collections.abc import Callable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TypeAlias

from gateway.core.addresses import plain_address
from gateway.web.forward_auth.strangers import Strangers

GoesFirst: TypeAlias = Callable[[bytes], bool]


class Admission:
    """Of one listener. draining: each answer from now on is the last of its connection."""

    def __init__(
        self, peers: Sequence[IPv4Network | IPv6Network], goes_first: GoesFirst, tell_waiting: Callable[[int], None]
    ) -> None:
        self.goes_first = goes_first
        self.strangers = Strangers(tell_waiting)
        self.draining = False
        self._peers = peers

    def admits(self, transport: asyncio.Transport) -> bool:
        """Over a unix socket the file's permissions decide; over TCP the address does, this machine by default."""
        peer = transport.get_extra_info("peername")
        if not isinstance(peer, tuple):
            return True
        address = plain_address(ip_address(str(peer[0]).partition("%")[0]))
        if not self._peers:
            return address.is_loopback
        return any(address in network for network in self._peers)

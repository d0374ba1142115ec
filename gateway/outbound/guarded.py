"""Reaches addresses that policy names, never one inside unless the configuration allows it (oauth.md O8)."""

import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final, TypeAlias
from urllib.parse import urlencode, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver

from gateway.core.addresses import Address
from gateway.core.oauth.internal_networks import INTERNAL
from gateway.core.policy.networks import NetworkSet
from gateway.outbound.undelivered import NotFetched
from gateway.outbound.webhook import failing_as, post, session_of

Opening: TypeAlias = Callable[[aiohttp.AddrInfoType], socket.socket]
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "bastion"}
# What is compressed may be huge when it is not, so nothing is unpacked.
_DOCUMENT: Final = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "bastion"}
_FORM_S: Final = 5.0
_DOCUMENT_S: Final = 3.0
_OK: Final = 200


class AddressRefused(OSError):
    """The address is inside."""


@dataclass(frozen=True, slots=True)
class GuardedClient:
    """allowed: inside, and reached all the same. trust: who vouches for the other side. resolver: None: the system's.

    Each attempt's own address is judged, so no name resolves to another meanwhile. No redirect is followed.
    """

    allowed: NetworkSet
    trust: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    resolver: AbstractResolver | None = None

    async def form(self, url: str, fields: Mapping[str, str]) -> None:
        """Raises Undelivered."""
        await post(url, urlencode(fields).encode(), _FORM, _FORM_S, self._connector(guard(self.allowed)))

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], timeout_s: float) -> None:
        """http only where the address is allowed. Raises Undelivered."""
        opening = guard(self.allowed) if urlsplit(url).scheme == "https" else only(self.allowed)
        await post(url, body, headers, timeout_s, self._connector(opening))

    async def document(self, url: str, longest: int) -> bytes:
        """longest: in bytes. Raises NotFetched, also for every status but 200."""
        with failing_as(NotFetched, _DOCUMENT_S):
            async with (
                session_of(self._connector(guard(self.allowed)), _DOCUMENT_S) as session,
                session.get(url, headers=_DOCUMENT, allow_redirects=False) as answer,
            ):
                if answer.status != _OK:
                    raise NotFetched(f"it answered {answer.status}")
                return await _read(answer.content, longest)

    def _connector(self, opening: Opening) -> aiohttp.TCPConnector:
        return aiohttp.TCPConnector(ssl=self.trust, socket_factory=opening, force_close=True, resolver=self.resolver)


def guard(allowed: NetworkSet) -> Opening:
    """Makes sockets for addresses outside, and for those that are allowed. Raises AddressRefused."""

    def open_socket(info: aiohttp.AddrInfoType) -> socket.socket:
        address = _address(info)
        if address in INTERNAL and address not in allowed:
            raise AddressRefused("the address is internal, and no network of allow_networks has it")
        return _socket(info)

    return open_socket


def only(allowed: NetworkSet) -> Opening:
    """Makes sockets for addresses that are allowed. Raises AddressRefused."""

    def open_socket(info: aiohttp.AddrInfoType) -> socket.socket:
        if _address(info) not in allowed:
            raise AddressRefused("http needs an address in a network of allow_networks")
        return _socket(info)

    return open_socket


def _address(info: aiohttp.AddrInfoType) -> Address:
    return ip_address(str(info[4][0]).partition("%")[0])


def _socket(info: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _name, _where = info
    return socket.socket(family, kind, protocol)


async def _read(content: aiohttp.StreamReader, longest: int) -> bytes:
    """Raises NotFetched as soon as there is more."""
    found = bytearray()
    async for chunk in content.iter_any():
        found += chunk
        if len(found) > longest:
            raise NotFetched(f"it is longer than {longest} bytes")
    return bytes(found)

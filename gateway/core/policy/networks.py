"""Owns sets of IP addresses."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from gateway.core.addresses import Address, plain_address

Network = IPv4Network | IPv6Network
_IPV6: Final = 6
_MAPPED_BITS: Final = 96  # ::ffff:0:0/96, RFC 4291 section 2.5.5.2


@dataclass(frozen=True, slots=True)
class NetworkSet:
    """For each length of prefix its mask and the networks, so a look-up costs one set probe for each length."""

    networks: tuple[Network, ...]
    _v4: tuple[tuple[int, frozenset[int]], ...]
    _v6: tuple[tuple[int, frozenset[int]], ...]

    @classmethod
    def of(cls, networks: Iterable[Network]) -> "NetworkSet":
        each = tuple(dict.fromkeys(unmapped(network) for network in networks))
        return cls(each, _by_mask(each, 4), _by_mask(each, _IPV6))

    def __contains__(self, address: Address) -> bool:
        """::ffff:a.b.c.d counts as a.b.c.d."""
        plain = plain_address(address)
        return _within(self._v6 if plain.version == _IPV6 else self._v4, int(plain))


def unmapped(network: Network) -> Network:
    """::ffff:a.b.c.d/n as an IPv4 network."""
    if isinstance(network, IPv6Network) and network.prefixlen >= _MAPPED_BITS:
        address = network.network_address.ipv4_mapped
        if address is not None:
            return ip_network((int(address), network.prefixlen - _MAPPED_BITS))
    return network


def _by_mask(networks: Iterable[Network], version: int) -> tuple[tuple[int, frozenset[int]], ...]:
    found: dict[int, set[int]] = {}
    for network in networks:
        if network.version == version:
            found.setdefault(int(network.netmask), set()).add(int(network.network_address))
    return tuple((mask, frozenset(starts)) for mask, starts in found.items())


def _within(by_mask: tuple[tuple[int, frozenset[int]], ...], address: int) -> bool:
    return any(address & mask in starts for mask, starts in by_mask)

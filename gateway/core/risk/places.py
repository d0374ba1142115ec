"""Owns where an address is: its network, and the place on Earth that a GeoIP file gives it."""

import math
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final

from gateway.core.addresses import Address, plain_address

_NETWORK_BITS: Final = {4: 24, 6: 48}
_ADDRESS_BITS: Final = {4: 32, 6: 64}  # a host changes the lower half of an IPv6 address by itself (RFC 8981)
_LOCAL: Final = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # of providers, RFC 6598
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::/127",
        "fc00::/7",
        "fe80::/10",
    )
)
_EARTH_KM: Final = 6371.0


@dataclass(frozen=True, slots=True)
class Point:
    """Degrees. radius_km: how far off it may be; None: the file does not say."""

    latitude: float
    longitude: float
    radius_km: float | None = None


@dataclass(frozen=True, slots=True)
class Spot:
    """country: two letters, "" where it is not known. point: None where it is not known."""

    country: str = ""
    point: Point | None = None


NOWHERE: Final = Spot()


def public_address(address: Address | None) -> Address | None:
    """Unmapped. None: it is not known, or private, so it says nothing about where somebody is."""
    if address is None:
        return None
    plain = plain_address(address)
    return None if any(plain in local for local in _LOCAL) else plain


def network_text(address: Address) -> str:
    """The /24 or /48 around an unmapped address. Stored in profiles, so it can't change."""
    return _around(address, _NETWORK_BITS[address.version])


def address_text(address: Address) -> str:
    """The IPv4 address, or the IPv6 /64. Stored in profiles, so it can't change."""
    return str(address) if address.version == 4 else _around(address, _ADDRESS_BITS[6])  # noqa: PLR2004 - of IP


def distance_km(one: Point, other: Point) -> float:
    """Along the surface (haversine). 0 where a coordinate is no number."""
    degrees = (one.latitude, one.longitude, other.latitude, other.longitude)
    if not all(map(math.isfinite, degrees)):
        return 0.0
    latitude, longitude, other_latitude, other_longitude = map(math.radians, degrees)
    north = math.sin((other_latitude - latitude) / 2) ** 2
    east = math.cos(latitude) * math.cos(other_latitude) * math.sin((other_longitude - longitude) / 2) ** 2
    return 2 * _EARTH_KM * math.asin(math.sqrt(min(1.0, max(0.0, north + east))))


def _around(address: Address, bits: int) -> str:
    lost = address.max_prefixlen - bits
    return f"{type(address)(int(address) >> lost << lost)}/{bits}"  # ip_network() costs five times as much

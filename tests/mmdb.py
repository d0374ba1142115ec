"""Writes small GeoIP files in MaxMind's format (MaxMind DB File Format 2.0), as tests need them."""

import struct
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Final

_MARKER: Final = b"\xab\xcd\xefMaxMind.com"
_EMPTY: Final = -1
_MAPPED: Final = 96
BUILT_AT: Final = 1_790_000_000


def city(country: str, latitude: float, longitude: float, radius_km: int | None = 20) -> dict[str, Any]:
    """A record of a City file."""
    location: dict[str, Any] = {"latitude": latitude, "longitude": longitude}
    if radius_km is not None:
        location["accuracy_radius"] = radius_km
    return {"country": {"iso_code": country, "names": {"en": country}}, "location": location}


def country_of(code: str) -> dict[str, Any]:
    """A record of a Country file."""
    return {"country": {"iso_code": code}}


def write_mmdb(
    path: Path, records: Mapping[str, object], *, kind: str = "GeoLite2-City", built_at: int = BUILT_AT
) -> Path:
    """records: by network, none inside another."""
    path.write_bytes(mmdb(records, kind=kind, built_at=built_at))
    return path


def mmdb(records: Mapping[str, object], *, kind: str = "GeoLite2-City", built_at: int = BUILT_AT) -> bytes:
    """The bytes of a file with records of 24 bits; IPv4 lies below ::/96."""
    nodes, data = [[_EMPTY, _EMPTY]], bytearray()
    leaves: dict[tuple[int, int], int] = {}
    for text, record in records.items():
        number, length = _bits(ip_network(text))
        node = 0
        for depth in range(length - 1):
            side = number >> (127 - depth) & 1
            if nodes[node][side] == _EMPTY:
                nodes.append([_EMPTY, _EMPTY])
                nodes[node][side] = len(nodes) - 1
            node = nodes[node][side]
        leaves[node, number >> (128 - length) & 1] = len(data)
        data += _encoded(record)
    tree = b"".join(
        struct.pack(">I", _pointer(child, leaves.get((node, side)), len(nodes)))[1:]
        for node, children in enumerate(nodes)
        for side, child in enumerate(children)
    )
    about = {
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": built_at,
        "database_type": kind,
        "description": {"en": "of a test"},
        "ip_version": 6,
        "languages": ["en"],
        "node_count": len(nodes),
        "record_size": 24,
    }
    return tree + bytes(16) + bytes(data) + _MARKER + _encoded(about)


def _bits(network: IPv4Network | IPv6Network) -> tuple[int, int]:
    above = _MAPPED if network.version == 4 else 0
    return int(network.network_address), network.prefixlen + above


def _pointer(child: int, leaf: int | None, count: int) -> int:
    if leaf is not None:
        return count + 16 + leaf
    return count if child == _EMPTY else child


def _encoded(value: object) -> bytes:
    match value:
        case dict():
            return _head(7, len(value)) + b"".join(_encoded(name) + _encoded(one) for name, one in value.items())
        case list():
            return _head(11, len(value)) + b"".join(map(_encoded, value))
        case str():
            return _head(2, len(value.encode())) + value.encode()
        case float():
            return _head(3, 8) + struct.pack(">d", value)
        case int():
            return _head(6, 4) + struct.pack(">I", value)
        case _:
            raise TypeError(value)


def _head(kind: int, size: int) -> bytes:
    assert size < 29
    return bytes([size, kind - 7]) if kind > 7 else bytes([kind << 5 | size])

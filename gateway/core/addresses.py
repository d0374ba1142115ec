"""Owns how an IP address is read, and what two ways to write one have in common."""

from ipaddress import IPv4Address, IPv6Address, ip_address

Address = IPv4Address | IPv6Address


def read_address(text: str) -> Address | None:
    """As it is written, spaces around it apart; None: not an address."""
    try:
        return ip_address(text.strip())
    except ValueError:
        return None


def plain_address(address: Address) -> Address:
    """::ffff:a.b.c.d is a.b.c.d, which a socket of both kinds takes for the same (RFC 4291 section 2.5.5.2)."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address

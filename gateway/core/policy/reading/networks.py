"""Reads networks: addresses, CIDR, and names of others."""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from gateway.core.policy.networks import Network, NetworkSet
from gateway.core.policy.places import Page
from gateway.core.policy.reading.book import Book
from gateway.core.policy.reading.words import items, text
from gateway.core.yaml_marks import Marked, MarkedScalar

_WHAT = "an address, CIDR or the name of a network"


def network_book() -> Book[NetworkSet]:
    def read(page: Page, _key: MarkedScalar, at: Marked) -> NetworkSet:
        return read_networks(page, at, book)

    book = Book("network", read, "networks", beside="an address, CIDR")
    return book


def read_networks(page: Page, at: Marked, book: Book[NetworkSet]) -> NetworkSet:
    """What is wrong is said, and left out."""
    found = [network for item in items(page, at, _WHAT) for network in _networks(page, item, book)]
    return NetworkSet.of(found)


def _networks(page: Page, at: Marked, book: Book[NetworkSet]) -> Iterator[Network]:
    written = text(page, at, _WHAT)
    if written is None or not isinstance(at, MarkedScalar):
        return
    if not any(character in written for character in ".:/"):
        other = book.get(page, at)
        yield from other.networks if other else ()
        return
    try:
        yield ip_network(written)
    except ValueError:
        page.say(at, _complaint(written))


def _complaint(written: str) -> str:
    try:
        wider = ip_network(written, strict=False)
        address = ip_address(written.partition("/")[0])
    except ValueError:
        return f"`{written}` is no address and no CIDR; expected such as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32"
    return f"{written} has bits behind the mask; expected a network; did you mean {wider}, or the address {address}?"

"""Who shares a bucket, and who can tell whose it is."""

from ipaddress import IPv4Address, IPv6Address, ip_address

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.ratelimit.slots import BucketNames

NAMES, OTHERS = BucketNames(b"b" * 32), BucketNames(b"c" * 32)


def slot(address: str) -> str:
    return NAMES.of_address(ip_address(address))


def test_an_ipv6_network_is_one_caller_and_an_ipv4_address_is_one() -> None:
    assert slot("2001:db8::1") == slot("2001:db8::ffff")
    assert slot("2001:db8::1") != slot("2001:db8:0:1::1")
    assert slot("192.0.2.1") != slot("192.0.2.2")
    assert slot("::ffff:192.0.2.1") == slot("192.0.2.1")


def test_all_unknown_addresses_share_one() -> None:
    assert NAMES.of_address(None) == NAMES.of_address(None)
    assert NAMES.of_address(None).startswith("i")


@given(st.ip_addresses(), st.text(max_size=40))
def test_only_the_key_tells_whose_it_is(address: IPv4Address | IPv6Address, text: str) -> None:
    for ours, theirs in (
        (NAMES.of_address(address), OTHERS.of_address(address)),
        (NAMES.of_address(None), OTHERS.of_address(None)),
        (NAMES.of_network(text), OTHERS.of_network(text)),
        (NAMES.of_device(text), OTHERS.of_device(text)),
    ):
        assert ours != theirs
        assert len(ours) == len(theirs) == 17


@given(st.text(max_size=40))
def test_an_address_a_network_and_a_device_of_one_name_are_three(text: str) -> None:
    assert len({NAMES.of_address(None), NAMES.of_network(text), NAMES.of_device(text)}) == 3


def test_a_fleet_finds_its_buckets_again_after_an_update() -> None:
    """Frozen: nodes of two versions count together."""
    assert slot("192.0.2.1") == "iXmHGqUfI3bybgPL_"
    assert NAMES.of_network("hospital") == "nEQHxGU2ZOb0-U2c8"

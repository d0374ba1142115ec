"""Who shares a bucket."""

from ipaddress import ip_address

from gateway.core.ratelimit.slots import address_slot


def test_an_ipv6_network_is_one_caller_and_an_ipv4_address_is_one() -> None:
    assert address_slot(ip_address("2001:db8::1")) == address_slot(ip_address("2001:db8::ffff"))
    assert address_slot(ip_address("2001:db8::1")) != address_slot(ip_address("2001:db8:0:1::1"))
    assert address_slot(ip_address("192.0.2.1")) != address_slot(ip_address("192.0.2.2"))
    assert address_slot(ip_address("::ffff:192.0.2.1")) == address_slot(ip_address("192.0.2.1"))


def test_all_unknown_addresses_share_one() -> None:
    assert address_slot(None) == address_slot(None)
    assert address_slot(None).startswith("i")

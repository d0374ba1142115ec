"""Who pays for a login attempt."""

from ipaddress import ip_address

from gateway.core.login.attempt import Device
from gateway.core.login.throttle import address_bucket, login_buckets

HERE = ip_address("203.0.113.7")
DEVICE = Device("x" * 22, ("m" * 16,))


def test_an_unknown_device_spends_from_its_address() -> None:
    buckets = login_buckets(HERE, DEVICE, known=False)

    assert buckets.before == address_bucket(HERE)
    assert buckets.on_failure is None


def test_a_known_device_spends_its_own_and_its_failures_cost_the_address() -> None:
    buckets = login_buckets(HERE, DEVICE, known=True)

    assert buckets.before != address_bucket(HERE)
    assert buckets.on_failure == address_bucket(HERE)
    assert login_buckets(HERE, Device("y" * 22, ()), known=True).before != buckets.before


def test_an_ipv6_network_shares_and_two_networks_do_not() -> None:
    first, same, other = (address_bucket(ip_address(a)) for a in ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"))

    assert first == same
    assert first != other


def test_an_ipv4_address_has_one_bucket_in_both_spellings() -> None:
    assert address_bucket(ip_address("::ffff:203.0.113.7")) == address_bucket(HERE)


def test_all_unknown_addresses_share_one_bucket_that_is_nobody_elses() -> None:
    assert address_bucket(None) == address_bucket(None)
    assert address_bucket(None) != address_bucket(HERE)

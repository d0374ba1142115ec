"""Who pays for a login attempt, who gets it back, and whose turn it takes."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

from gateway.core.login.attempt import Device
from gateway.core.login.throttle import Bucket, LoginLimits, NamedNetwork, login_buckets
from gateway.core.ratelimit.gcra import Limit
from gateway.core.ratelimit.slots import BucketNames

HERE = ip_address("203.0.113.7")
DEVICE = Device("x" * 22, ("m" * 16,))
USUAL = Limit("AUTH.LOGIN", 10, 60_000_000, 5)
PLENTY = replace(USUAL, count=600, burst=300)
NAMES = BucketNames(b"b" * 32)
LIMITS = LoginLimits.of(NAMES, USUAL)


def named(name: str, *addresses: str, limit: Limit = PLENTY) -> NamedNetwork:
    return NamedNetwork(name, tuple(ip_network(one) for one in addresses), limit)


def shared(address: str, limits: LoginLimits = LIMITS) -> Bucket:
    return limits.shared_bucket(ip_address(address))


def test_an_unknown_device_spends_from_its_address_and_gets_nothing_back() -> None:
    buckets = login_buckets(LIMITS, HERE, DEVICE, known=False)

    assert buckets.before == LIMITS.shared_bucket(HERE)
    assert (buckets.on_failure, buckets.on_success) == (None, None)


def test_a_known_device_spends_its_own_which_it_gets_back_and_its_failures_cost_the_address() -> None:
    buckets = login_buckets(LIMITS, HERE, DEVICE, known=True)

    assert buckets.before != LIMITS.shared_bucket(HERE)
    assert buckets.on_success == buckets.before
    assert buckets.on_failure == LIMITS.shared_bucket(HERE)
    assert login_buckets(LIMITS, HERE, Device("y" * 22, ()), known=True).before != buckets.before


def test_a_known_device_has_turns_of_its_own_and_others_share_those_of_their_address() -> None:
    here = login_buckets(LIMITS, HERE, DEVICE, known=False).caller
    beside = login_buckets(LIMITS, ip_address("203.0.113.8"), DEVICE, known=False).caller
    known = {login_buckets(LIMITS, address, DEVICE, known=True).caller for address in (HERE, ip_address("192.0.2.1"))}

    assert here == login_buckets(LIMITS, HERE, Device("", ()), known=False).caller
    assert len({here, beside, *known}) == 3


def test_neighbours_of_a_named_network_have_one_budget_and_turns_of_their_own() -> None:
    limits = LoginLimits.of(NAMES, USUAL, [named("hospital", "203.0.113.0/24")])
    first, second = (login_buckets(limits, ip_address(f"203.0.113.{n}"), DEVICE, known=False) for n in (7, 8))

    assert first.before == second.before
    assert first.before.limit == PLENTY
    assert first.caller != second.caller


def test_a_named_network_ends_where_it_says() -> None:
    limits = LoginLimits.of(NAMES, USUAL, [named("hospital", "203.0.113.0/25", "2001:db8::/48")])

    within = {shared(one, limits) for one in ("203.0.113.127", "::ffff:203.0.113.1", "2001:db8:0:ffff::1")}
    assert len(within) == 1
    for outside in ("203.0.113.128", "2001:db8:1::1"):
        assert shared(outside, limits) == shared(outside)
    assert limits.shared_bucket(None) == LIMITS.shared_bucket(None)


def test_of_two_networks_the_narrower_counts_whatever_their_order() -> None:
    wide, narrow = named("wide", "203.0.0.0/16"), named("narrow", "::ffff:203.0.113.0/120", limit=USUAL)

    for networks in ([wide, narrow], [narrow, wide]):
        limits = LoginLimits.of(NAMES, USUAL, networks)
        assert shared("203.0.113.7", limits) == shared("203.0.113.9", limits) != shared("203.0.114.1", limits)
        assert (shared("203.0.113.7", limits).limit, shared("203.0.114.1", limits).limit) == (USUAL, PLENTY)


def test_two_names_are_two_budgets() -> None:
    limits = LoginLimits.of(NAMES, USUAL, [named("one", "203.0.113.0/28"), named("two", "203.0.113.16/28")])

    assert shared("203.0.113.1", limits) != shared("203.0.113.17", limits)


def test_an_ipv6_network_shares_and_two_networks_do_not() -> None:
    first, same, other = (shared(one) for one in ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"))

    assert first == same
    assert first != other


def test_an_ipv4_address_has_one_bucket_in_both_spellings() -> None:
    assert shared("::ffff:203.0.113.7") == shared("203.0.113.7")


def test_all_unknown_addresses_share_one_bucket_that_is_nobody_elses() -> None:
    assert LIMITS.shared_bucket(None) == LIMITS.shared_bucket(None)
    assert LIMITS.shared_bucket(None) != LIMITS.shared_bucket(HERE)

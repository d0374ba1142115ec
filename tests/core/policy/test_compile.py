"""Files become one policy: names, budgets, defaults, and a version that tells policies apart."""

from dataclasses import astuple
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.sections.limits import by_name, default_limits
from gateway.core.policy.canonical import Oddity
from gateway.core.policy.compile import DEFAULT_LIMITS, Site, compile_policy
from gateway.core.policy.networks import NetworkSet, unmapped
from gateway.core.policy.route import Respond
from gateway.core.ratelimit.gcra import Limit, Per
from tests.core.policy.build import HOST, SITE, app, policy_of

TEXT = f"apps: {{a: {{hosts: {HOST}, allow: anyone}}}}"


def test_the_version_is_that_of_all_sources() -> None:
    one = compile_policy({"a.yaml": TEXT}, SITE).version

    assert one == compile_policy({"a.yaml": TEXT}, Site("auth.example.org", "http", 80)).version
    assert one != compile_policy({"a.yaml": TEXT + " "}, SITE).version
    assert one != compile_policy({"b.yaml": TEXT}, SITE).version
    assert one != compile_policy({"a.yaml": TEXT, "b.yaml": ""}, SITE).version


def test_the_order_of_files_decides_nothing() -> None:
    files = {"b.yaml": "define: {networks: {home: 10.0.0.0/8}}", "a.yaml": TEXT.replace("anyone", "{networks: home}")}

    forward = compile_policy(files, SITE)
    backward = compile_policy(dict(reversed(files.items())), SITE)

    assert forward.version == backward.version
    assert [astuple(route) for route in forward.routes] == [astuple(route) for route in backward.routes]


def test_no_policy_lets_nobody_in() -> None:
    policy = compile_policy({}, SITE)

    assert policy.hosts == ()
    assert not policy.knows_host(HOST)


def test_hosts_are_listed_as_written() -> None:
    policy = policy_of('apps: {a: {hosts: [B.t.example, "*.x.t.example"], allow: anyone}}')

    assert policy.hosts == ("B.t.example", "*.x.t.example")


LIMITS = f"""
define: {{limits: {{hooks: {{rate: 60/min, burst: 20, per: ip, on_store_failure: allow}}, short: 5/s}}}}
apps:
  a:
    hosts: {HOST}
    allow: anyone
    limits: [hooks, 300/h, LOGIN.X]
    routes:
      own: {{paths: /own, limits: {{rate: 10/d, per: everyone}}}}
      none: {{paths: /none, limits: none}}
      short: {{paths: /short, limits: short}}
  b: {{hosts: b.t.example, allow: anyone}}
"""


def test_named_budgets_are_shared_and_inline_ones_are_the_routes_own() -> None:
    configured = Limit("LOGIN.X", 10, 60_000_000, 10)
    session, anonymous = Limit("GENERAL.SESSION", 5, 1_000_000, 5), Limit("GENERAL.STRANGER", 7, 1_000_000, 7)
    defaults = {**DEFAULT_LIMITS, session.name: session, anonymous.name: anonymous}

    policy = compile_policy({"p.yaml": LIMITS}, SITE, limits={**defaults, "LOGIN.X": configured})

    hooks = Limit("hooks", 60, 60_000_000, 20, Per.IP, allow_on_store_failure=True)
    assert {route.name: route.limits for route in policy.routes} == {
        "a/rest": (hooks, Limit("a/rest#2", 300, 3_600_000_000, 300), configured),
        "a/own": (Limit("a/own#1", 10, 86_400_000_000, 10, Per.EVERYONE),),
        "a/none": (),
        "a/short": (Limit("short", 5, 1_000_000, 5),),
        "b/rest": (session,),
    }
    assert {
        route.name: route.anonymous_limits for route in policy.routes if route.anonymous_limits != route.limits
    } == {"b/rest": (anonymous,)}


def test_the_default_budgets_are_those_of_sessions_and_of_everybody_else() -> None:
    route = policy_of(TEXT).routes[0]

    assert route.limits == (
        Limit("GENERAL.SESSION", 600, 60_000_000, 2000, Per.PRINCIPAL, allow_on_store_failure=True),
    )
    assert route.anonymous_limits == (
        Limit("GENERAL.STRANGER", 3000, 60_000_000, 3000, Per.IP, allow_on_store_failure=True),
    )


def test_the_default_budgets_are_those_of_the_configuration() -> None:
    """So `policy check` without a configuration judges as a node does."""
    configured = by_name(default_limits())

    assert {name: configured[name] for name in DEFAULT_LIMITS} == DEFAULT_LIMITS


def test_the_nearest_level_replaces_what_is_further_out() -> None:
    policy = policy_of(
        f"""
defaults: {{cross_origin: allow, path_accepts: semicolon, respond: {{denied: 404, message: Ask us.}}, cors: app}}
apps:
  a:
    hosts: {HOST}
    allow: authenticated
    respond: {{anonymous: 401}}
    routes: {{r: {{paths: /r, cross_origin: refuse, path_accepts: none, cors: none, identity: none}}}}
  b: {{hosts: b.t.example, allow: authenticated, path_accepts: [backslash, not_utf8]}}
"""
    )
    rest, route, other = (
        next(one for one in policy.routes if one.name == name) for name in ("a/rest", "a/r", "b/rest")
    )

    assert (rest.cross_origin_allow, route.cross_origin_allow) == (True, False)
    assert (rest.path_accepts, route.path_accepts) == (frozenset({Oddity.SEMICOLON}), frozenset())
    assert other.path_accepts == {Oddity.BACKSLASH, Oddity.NOT_UTF8}
    assert (rest.cors, route.cors) == ("app", "none")
    assert rest.respond == route.respond == Respond(anonymous="401")
    assert other.respond == Respond(denied=404, message="Ask us.")
    assert (rest.identity, route.identity) == ("sent", "none")


def test_an_app_without_allow_has_no_rest() -> None:
    policy = policy_of(f"apps: {{a: {{hosts: {HOST}, routes: {{x: {{paths: /x, allow: anyone}}}}}}}}")

    assert [route.name for route in policy.routes] == ["a/x"]


def test_an_app_with_a_route_for_everything_has_no_other_rest() -> None:
    assert [route.name for route in app("allow: nobody, routes: {all: {paths: /**, methods: GET}}").routes] == ["a/all"]


@pytest.mark.parametrize(
    ("scheme", "port", "origin"),
    [
        ("https", 443, "https://a.t.example"),
        ("https", 8443, "https://a.t.example:8443"),
        ("http", 80, "http://a.t.example"),
        ("http", 443, "http://a.t.example:443"),
    ],
)
def test_an_origin_is_as_browsers_write_it(scheme: str, port: int, origin: str) -> None:
    assert Site("auth.t.example", scheme, port).origin_of(HOST) == origin


@given(
    st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)), max_size=4),
    st.lists(st.tuples(st.integers(0, 2**128 - 1), st.integers(0, 128)), max_size=4),
    st.ip_addresses(),
    st.integers(0, 7),
)
def test_a_network_holds_the_addresses_that_it_says(
    four: list[tuple[int, int]], six: list[tuple[int, int]], address: object, pick: int
) -> None:
    networks: list[IPv4Network | IPv6Network] = [ip_network((one, bits), strict=False) for one, bits in four]
    networks += [IPv6Network((one, bits), strict=False) for one, bits in six]
    known = ip_address(str(address))
    if networks and pick < len(networks):
        known = networks[pick].network_address

    found = known in NetworkSet.of(networks)

    mapped = getattr(known, "ipv4_mapped", None)
    assert found == any((mapped or known) in unmapped(network) for network in networks)


@pytest.mark.parametrize("network", ["::ffff:10.0.0.0/104", "10.0.0.0/8"])
def test_a_mapped_address_is_the_one_inside(network: str) -> None:
    networks = NetworkSet.of([ip_network(network)])

    assert ip_address("10.1.2.3") in networks
    assert ip_address("::ffff:10.1.2.3") in networks
    assert ip_address("::ffff:11.1.2.3") not in networks

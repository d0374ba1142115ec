"""How host patterns meet, against all hosts of a small world."""

from itertools import product

import pytest

from gateway.core.caddy.adapted import Route
from gateway.core.caddy.hosts import Meets, covers, meets, overlaps, pattern_of
from gateway.core.policy.patterns import HostPattern, host_pattern

WORLD = [".".join(labels) for count in (1, 2, 3, 4) for labels in product("ab", repeat=count)]
SITES = ["a", "*", "b.a", "*.a", "*.*.a", "a.*", "b.a.a", "*.b.a"]
POLICY = ["b.a", "*.a", "**.a", "{x}.b.a", "**.b.a", "a.a.a"]
PATTERNS = [*map(pattern_of, SITES), *map(host_pattern, POLICY)]


def takes(pattern: HostPattern, host: str) -> bool:
    labels = host.split(".")[::-1]
    fits = len(labels) > len(pattern.labels) if pattern.rest else len(labels) == len(pattern.labels)
    return fits and all(a in (None, b) for a, b in zip(pattern.labels, labels, strict=False))


@pytest.mark.parametrize("one", PATTERNS, ids=str)
def test_patterns_overlap_where_they_share_a_host(one: HostPattern) -> None:
    for other in PATTERNS:
        shared = any(takes(one, host) and takes(other, host) for host in WORLD)

        assert overlaps(one, other) == shared


@pytest.mark.parametrize("wide", PATTERNS, ids=str)
def test_a_pattern_covers_what_takes_none_but_its_hosts(wide: HostPattern) -> None:
    for narrow in PATTERNS:
        inside = all(takes(wide, host) for host in WORLD if takes(narrow, host))

        assert covers(wide, narrow) == inside, (wide, narrow)


@pytest.mark.parametrize(
    ("matchers", "often"),
    [
        ((), Meets.ALWAYS),
        (({"host": ["b.a"]},), Meets.ALWAYS),
        (({"host": ["x", "*.a"]},), Meets.ALWAYS),
        (({"host": ["x"]},), Meets.NEVER),
        (({"path": ["/x"]},), Meets.SOMETIMES),
        (({"host": ["b.a"], "path": ["/x"]},), Meets.SOMETIMES),
        (({"host": ["x"], "path": ["/x"]},), Meets.NEVER),
        (({"host": ["x"]}, {"path": ["/x"]}), Meets.SOMETIMES),
        (({"path": ["/x"]}, {"host": ["*.*"]}), Meets.ALWAYS),
    ],
)
def test_a_route_meets_a_host_as_often_as_its_matchers_do(
    matchers: tuple[dict[str, object], ...], often: Meets
) -> None:
    assert meets(Route(matchers, (), False, ""), host_pattern("b.a")) is often

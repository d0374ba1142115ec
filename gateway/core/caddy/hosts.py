"""Owns how the hosts of policy and the host matchers of Caddy meet: never, sometimes, always."""

from enum import Enum
from typing import Final

from gateway.core.caddy.adapted import Fields, Route, texts_in
from gateway.core.policy.patterns import HostPattern

_HOST_KEY: Final = "host"


class Meets(Enum):
    """How often a matcher matches the requests to a host."""

    NEVER = 0
    SOMETIMES = 1
    ALWAYS = 2


def meets(route: Route, host: HostPattern) -> Meets:
    """ALWAYS only where nothing but the host is asked for."""
    if not route.matchers:
        return Meets.ALWAYS
    return max((_set_meets(matcher, host) for matcher in route.matchers), key=lambda found: found.value)


def hosts_of(route: Route) -> tuple[str, ...]:
    """As written; empty where some request to any host may match."""
    if not route.matchers or any(_HOST_KEY not in matcher for matcher in route.matchers):
        return ()
    return tuple(host for matcher in route.matchers for host in texts_in(matcher, _HOST_KEY))


def overlaps(one: HostPattern, other: HostPattern) -> bool:
    """Whether some host is of both."""
    shared = zip(one.labels, other.labels, strict=False)
    if any(a is not None and b is not None and a != b for a, b in shared):
        return False
    return _lengths_meet(one, other)


def covers(wide: HostPattern, narrow: HostPattern) -> bool:
    """Whether each host of narrow is one of wide."""
    if not wide.rest:
        if narrow.rest or len(wide.labels) != len(narrow.labels):
            return False
    elif len(narrow.labels) + narrow.rest <= len(wide.labels):
        return False
    return all(a is None or a == b for a, b in zip(wide.labels, narrow.labels, strict=False))


def pattern_of(host: str) -> HostPattern:
    """Of a matcher. Not host_pattern(): Caddy takes addresses and names that no policy would."""
    labels = tuple(None if label == "*" else label for label in host.lower().split(".")[::-1])
    return HostPattern(labels, rest=False, captures=())


def _set_meets(matcher: Fields, host: HostPattern) -> Meets:
    hosts = texts_in(matcher, _HOST_KEY)
    narrowed = bool(matcher.keys() - {_HOST_KEY})
    if _HOST_KEY not in matcher or any(covers(pattern_of(one), host) for one in hosts):
        return Meets.SOMETIMES if narrowed else Meets.ALWAYS
    return Meets.SOMETIMES if any(overlaps(pattern_of(one), host) for one in hosts) else Meets.NEVER


def _lengths_meet(one: HostPattern, other: HostPattern) -> bool:
    shortest = [len(pattern.labels) + pattern.rest for pattern in (one, other)]
    if one.rest and other.rest:
        return True
    if one.rest:
        return shortest[0] <= shortest[1]
    if other.rest:
        return shortest[1] <= shortest[0]
    return shortest[0] == shortest[1]

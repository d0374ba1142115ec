"""Owns what an emergency lays over the routes of a policy: closed apps, and a second factor of everybody (ui.md U4)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from gateway.core.policy.key_places import NOWHERE
from gateway.core.policy.model import Policy
from gateway.core.policy.patterns import HostPattern
from gateway.core.policy.route import BY_SESSION, Leg, Require, Respond, Route

_SECOND_FACTOR: Final = Require(mfa=True)


@dataclass(frozen=True, slots=True)
class ClosedApp:
    """name, hosts: as they were when it was closed. beside: the apps that shared a host with it then.

    words: for visitors, "" for the usual ones.
    """

    name: str
    hosts: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    words: str = ""

    def takes(self, route: Route) -> bool:
        """By its name, or because an app that was not beside it has its host now: a renamed one stays closed."""
        app = app_of(route)
        if app == self.name:
            return True
        return app not in self.beside and any(host_text(host) in self.hosts for host in route.hosts)


@dataclass(frozen=True, slots=True)
class Overlay:
    """closes_all: every app. require_mfa: of people, not of apps that act for themselves."""

    closed: tuple[ClosedApp, ...] = ()
    closes_all: bool = False
    require_mfa: bool = False

    def on(self, route: Route) -> Route:
        """The same route, or another in its place."""
        for one in self.closed:
            if one.takes(route):
                return _closed(route, one.words)
        if self.closes_all:
            return _closed(route, "")
        return _with_second_factor(route) if self.require_mfa and route.asks_people else route

    def unmatched(self, policy: Policy) -> tuple[str, ...]:
        """Names of closed apps that the policy no longer has, neither by name nor at their hosts."""
        return tuple(one.name for one in self.closed if not any(map(one.takes, policy.routes)))


NO_OVERLAY: Final = Overlay()


def app_of(route: Route) -> str:
    return route.name.partition("/")[0]


def host_text(host: HostPattern) -> str:
    """Equal for patterns that take the same hosts."""
    labels = [label or "*" for label in host.labels] + ["**"] * host.rest
    return ".".join(reversed(labels))


def closing(policy: Policy, name: str, words: str) -> ClosedApp | None:
    """None: the policy has no app of this name."""
    apps = _hosts_of_apps(policy.routes)
    if name not in apps:
        return None
    hosts = apps[name]
    beside = sorted(app for app, others in apps.items() if app != name and hosts & others)
    return ClosedApp(name, tuple(sorted(hosts)), tuple(beside), words)


def apps_of(policy: Policy) -> tuple[str, ...]:
    return tuple(sorted(_hosts_of_apps(policy.routes)))


def hosts_of(policy: Policy, name: str, hosts: Iterable[str]) -> tuple[str, ...]:
    """Of concrete hosts, those that an app takes."""
    patterns = {host for route in policy.routes if app_of(route) == name for host in route.hosts}
    return tuple(host for host in hosts if any(_takes(pattern, host) for pattern in patterns))


def _takes(pattern: HostPattern, host: str) -> bool:
    labels = host.split(".")[::-1]
    wanted = pattern.labels
    fits = len(labels) > len(wanted) if pattern.rest else len(labels) == len(wanted)
    return fits and all(one is None or one == label for one, label in zip(wanted, labels, strict=False))


def _hosts_of_apps(routes: Iterable[Route]) -> Mapping[str, set[str]]:
    apps = dict[str, set[str]]()
    for route in routes:
        apps.setdefault(app_of(route), set()).update(map(host_text, route.hosts))
    return apps


def _closed(route: Route, words: str) -> Route:
    """It asks nobody and spends nothing, so it needs no store; a preflight of it is a request like any other."""
    return replace(
        route,
        is_closed=True,
        asks_people=False,
        identity="none",
        limits=(),
        anonymous_limits=(),
        token_limits=(),
        cors="none",
        respond=Respond(denied=503, message=words),
        credentials=BY_SESSION,
        key_places=NOWHERE,
        app_tokens=(),
    )


def _with_second_factor(route: Route) -> Route:
    """service_legs stay: an app that acts for itself has no second factor."""
    legs = {leg: _asking(leg) for leg in (*route.legs, *route.token_legs)}
    return replace(
        route,
        legs=tuple(legs[leg] for leg in route.legs),
        token_legs=tuple(legs[leg] for leg in route.token_legs),
        identity_asks_mfa=True,
    )


def _asking(leg: Leg) -> Leg:
    if not leg.people:
        return leg
    return Leg.of(leg.name, leg.condition, leg.require.and_also(_SECOND_FACTOR), leg.place, people=True)

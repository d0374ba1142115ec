"""Owns the policy as a request meets it: which route decides, and what that says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.core.policy.app_cookies import HostCookies
from gateway.core.policy.canonical import (
    METHODS,
    Readings,
    Segments,
    canonical_host,
    is_method,
    is_plain,
    literal_key,
    plain_segments,
    readings,
    without_marks,
)
from gateway.core.policy.cases import PolicyTest
from gateway.core.policy.client import Client
from gateway.core.policy.facts import Actor, Allow, Deny, Facts, Login, Refused, StepUp, Verdict
from gateway.core.policy.key_scopes import KeyScopes
from gateway.core.policy.networks import NetworkSet
from gateway.core.policy.route import Case, Denial, Leg, Require, Respond, Route, Routed
from gateway.core.policy.site import Site
from gateway.core.policy.tree import HostTree, RouteTable

__all__ = [
    "Actor",
    "Allow",
    "Case",
    "Denial",
    "Deny",
    "Facts",
    "Leg",
    "Login",
    "Policy",
    "Refused",
    "Require",
    "Respond",
    "Route",
    "Routed",
    "Site",
    "StepUp",
    "Verdict",
]
RESERVED_SEGMENT: Final = ".bastion"  # paths below it are Bastion's own on every protected host
_BAD_METHOD: Final = Refused(400, "bad_method", detail="a method is of capital letters")
_BAD_HOST: Final = Refused(400, "bad_host", detail="no host name")
_NO_HOST: Final = Refused(403, "no_host")
_RESERVED: Final = Refused(403, "no_route", detail="/.bastion/ is not the app's")


@dataclass(frozen=True, slots=True, repr=False)
class Policy:
    """version: hash of the sources. hosts: patterns as written. networks: by their names.

    clients: by client_id, declared and registered ones. left_out: why a registered one is not among them, by its id.
    scopes: what each lets a client do, for the person who consents.
    key_scopes: what an API key may have.
    """

    version: str
    hosts: tuple[str, ...]
    routes: tuple[Route, ...]
    tests: tuple[PolicyTest, ...]
    networks: Mapping[str, NetworkSet]
    site: Site
    exact_hosts: Mapping[str, RouteTable]
    other_hosts: HostTree
    clients: Mapping[str, Client] = field(default_factory=dict)
    scopes: Mapping[str, str] = field(default_factory=dict)
    key_scopes: KeyScopes = field(default_factory=KeyScopes)
    left_out: Mapping[str, str] = field(default_factory=dict)

    def find(self, host: str, method: str, raw_path: str) -> Routed | Refused:
        """Which route decides. raw_path: as sent; its query, if any, is not looked at. Every step is final.

        Refused with 400 where the request has no canonical form, or a path that apps may read as different routes.
        """
        path = raw_path.partition("?")[0]
        table = self.exact_hosts.get(host)
        if table is None or method not in METHODS or not is_plain(path):
            return self._find_step_by_step(host, method, path)
        segments = plain_segments(path)
        if segments and segments[0] == RESERVED_SEGMENT:
            return _RESERVED
        lowered = path.lower()
        return table.find(method, segments, segments if lowered == path else plain_segments(lowered), ())

    def knows_host(self, host: str) -> bool:
        """Whether some app has it. Never the auth host."""
        return self._table(canonical_host(host) or "") is not None

    def cookies_of(self, host: str) -> HostCookies:
        """host: canonical."""
        table = self._table(host)
        return HostCookies() if table is None else table.cookies

    def token_routes(self, host: str) -> tuple[Route, ...]:
        """Those of the host that accept tokens. host: canonical."""
        table = self._table(host)
        return () if table is None else table.token_routes

    def _find_step_by_step(self, host: str, method: str, path: str) -> Routed | Refused:
        name = canonical_host(host)
        if name is None or ("_" in name and name not in self.exact_hosts):
            return _BAD_HOST
        if not is_method(method):
            return _BAD_METHOD
        read = readings(path)
        if isinstance(read, Refused):
            return read
        table = self._table(name)
        if table is None:
            return _NO_HOST
        if any(segments[:1] == (RESERVED_SEGMENT,) for segments in read.each):
            return _RESERVED
        return _agreed(table, method, read, tuple(name.split(".")[::-1]))

    def _table(self, name: str) -> RouteTable | None:
        """name: canonical. A host written out replaces the wildcards around it as a whole.

        No wildcard takes a name with `_`, which no registry of names gives out: a policy has to mean it.
        """
        if name == self.site.auth_host:
            return None
        exact = self.exact_hosts.get(name)
        return exact or (None if "_" in name else self.other_hosts.find(tuple(name.split(".")[::-1])))


def _agreed(table: RouteTable, method: str, read: Readings, labels: Segments) -> Routed | Refused:
    """The route that all readings end at, which has to accept each oddity."""
    first, *others = (
        table.find(method, without_marks(segments), tuple(map(literal_key, segments)), labels) for segments in read.each
    )
    for other in others:
        if other != first:
            detail = f"{_name(first)} or {_name(other)}, as the app reads the path"
            return Refused(400, "ambiguous_path", detail=detail)
    if isinstance(first, Refused):
        return first
    unaccepted = sorted(oddity.value for oddity in read.oddities - first.route.path_accepts)
    if unaccepted:
        detail = f"{first.route.name} does not accept {', '.join(unaccepted)}"
        return Refused(400, "odd_path", detail=detail)
    return first


def _name(found: Routed | Refused) -> str:
    return found.reason if isinstance(found, Refused) else found.route.name

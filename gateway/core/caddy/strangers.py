"""Owns what policy says to somebody who is not logged in, from wherever he comes."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address
from typing import Final

from gateway.core.analysis.simulate import Asked, Simulated, Simulation
from gateway.core.caddy.hosts import covers, pattern_of
from gateway.core.policy.model import Policy
from gateway.core.policy.patterns import Expression, Literal, PathPattern

_NOWHERE: Final = "203.0.113.66"  # RFC 5737
_USUAL: Final = ("127.0.0.1", "::1", "10.0.0.1")
_MOST_NETWORKS: Final = 8


@dataclass(frozen=True)
class Strangers:
    """To one host. now: Unix seconds."""

    policy: Policy
    host: str
    now: int

    @cached_property
    def addresses(self) -> tuple[str, ...]:
        """One of nowhere, of this machine, of a neighbour, and of each network that policy names."""
        named = (network for known in self.policy.networks.values() for network in known.networks[:1])
        firsts = [str(network.network_address) for network in named][:_MOST_NETWORKS]
        return tuple(dict.fromkeys((_NOWHERE, *_USUAL, *firsts)))

    def statuses(self, method: str, target: str, destination: str = "") -> frozenset[int]:
        """Of all answers that a stranger may get, by address. destination: the header of MOVE and its kin, "": none."""
        return frozenset(outcome.status for outcome in self._outcomes(method, target, destination))

    def lets_in(self, method: str, target: str, destination: str = "") -> bool:
        """Whether some address opens it."""
        return any(outcome.outcome == "allow" for outcome in self._outcomes(method, target, destination))

    def closed_path(self, mark: str) -> str:
        """A path that is closed to strangers wherever they are; where there is none, one that nobody has."""
        unheard_of = f"/{mark}"
        paths = (unheard_of, *self.sample_paths(mark))
        return next((path for path in paths if not self.lets_in("GET", path)), unheard_of)

    def open_paths(self, mark: str) -> tuple[str, ...]:
        """Paths that are open to strangers wherever they are."""
        found = (path for path in self.sample_paths(mark) if self._is_open(path))
        return tuple(found)

    def guarded_by_address(self, mark: str) -> Iterator[tuple[str, str]]:
        """Paths that an address alone opens, each with one that does."""
        for path in self.sample_paths(mark):
            opened = [address for address in self.addresses if self._outcome("GET", path, address).outcome == "allow"]
            if opened and self._outcome("GET", path, _NOWHERE).outcome != "allow":
                yield path, opened[0]

    def sample_paths(self, mark: str) -> tuple[str, ...]:
        """One under each path of each route that may be of the host; mark stands for what a pattern leaves open."""
        sought = pattern_of(self.host)
        routes = [one for one in self.policy.routes if any(covers(host, sought) for host in one.hosts)]
        paths = (path for route in routes for pattern in route.paths for path in _samples(pattern, mark))
        return tuple(dict.fromkeys(paths))

    def _is_open(self, path: str) -> bool:
        return all(outcome.outcome == "allow" for outcome in self._outcomes("GET", path))

    def _outcomes(self, method: str, target: str, destination: str = "") -> Iterator[Simulated]:
        yield from (self._outcome(method, target, address, destination) for address in ("", *self.addresses))

    def _outcome(self, method: str, target: str, address: str, destination: str = "") -> Simulated:
        known = ip_address(address) if address else None
        headers = {"destination": destination} if destination else {}
        return Simulation(self.policy).answer(Asked(method, self.host, target, None, known, self.now, headers, "fetch"))


def _samples(pattern: PathPattern, mark: str) -> Iterator[str]:
    if any(isinstance(step, Expression) for step in pattern.steps):
        return
    steps = [step.text if isinstance(step, Literal) else mark for step in pattern.steps]
    yield "/" + "/".join([*steps, mark] if pattern.rest else steps)

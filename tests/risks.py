"""The risk score as tests need it: the default weights, no files unless they are given."""

from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_network
from pathlib import Path

from gateway.core.keys import Keys
from gateway.core.policy.networks import NetworkSet
from gateway.core.ratelimit.slots import BucketNames
from gateway.core.risk.score import Weights
from gateway.flows.act import Acts
from gateway.flows.people.risk import Risk, RiskRules
from gateway.stores.files.geoip import GeoIp
from gateway.stores.files.network_lists import NetworkLists

REMEMBER_S = 180 * 86_400


def risk_of(
    acts: Acts,
    keys: Keys,
    *,
    known: Iterable[str] = (),
    shared: Iterable[str] = (),
    named: Iterable[str] = (),
    geoip: Path | None = None,
    anonymising: Sequence[Path] = (),
    observe: Callable[[int], None] = lambda _points: None,
) -> Risk:
    """known, shared, named: networks, named those with a login limit of their own."""
    rules = RiskRules(Weights(), REMEMBER_S, _set(known), _set(shared), _set((*known, *named)))
    complaints: list[str] = []
    files = GeoIp(geoip, complaints.append), NetworkLists(anonymising, complaints.append)
    return Risk(acts, rules, *files, BucketNames(keys.bucket), observe)


def _set(networks: Iterable[str]) -> NetworkSet:
    return NetworkSet.of(ip_network(one) for one in networks)

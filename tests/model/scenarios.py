"""What is explored, by name."""

from functools import cache
from typing import Final

from tests.exhaustive import EXHAUSTIVE
from tests.model.explore import Explored, Scenario, explore
from tests.model.faults import FAILOVER, FLUSH, MOVE, POSTGRES, RESTART, VANISH
from tests.model.mechanisms import ALL

_LARGE: Final = 18_000  # states
SAMPLE: Final = 6_000
# By name, with the number of states that it has at least: fewer, and something is not tried any more.
SCENARIOS: Final[dict[str, tuple[Scenario, int]]] = {
    "a login and its logout": (Scenario(("login", "logout"), frozenset({VANISH}), crash=True), 2_500),
    "a logout, one fault": (Scenario(("logout",), frozenset({FLUSH, FAILOVER}), crash=True), 8_000),
    "a logout, two faults": (Scenario(("logout",), frozenset({FLUSH, RESTART, FAILOVER}), 2), 10_000),
    "a logout, two faults, one node": (
        Scenario(("logout",), frozenset({FLUSH, RESTART, FAILOVER, VANISH}), 2, nodes=1, crash=True),
        20_000,
    ),
    "a logout, in a cluster": (Scenario(("logout",), frozenset({MOVE, FAILOVER}), 3), 11_000),
    "a login in the place of another's": (Scenario(("replacement",), frozenset({VANISH})), 1_000),
    "a hand-off, in a cluster": (Scenario(("handoff",), frozenset({MOVE, FAILOVER}), 3, nodes=1), 9_000),
    "a hand-off and a logout": (Scenario(("handoff", "logout"), frozenset({VANISH})), 10_000),
    "a hand-off, one fault": (Scenario(("handoff",), frozenset({FLUSH, FAILOVER})), 20_000),
    "a rotation and a logout, one fault": (Scenario(("rotation", "logout"), frozenset({FLUSH, FAILOVER})), 40_000),
    "a rotation and a logout": (Scenario(("rotation", "logout"), frozenset({VANISH})), 7_000),
    "groups and a disabled person": (Scenario(("groups", "disable"), crash=True), 45_000),
    "groups and a disabled person, one fault": (
        Scenario(("groups", "disable"), frozenset({FAILOVER}), nodes=1, crash=True),
        75_000,
    ),
    "a login while its person is disabled": (
        Scenario(("login", "disable", "groups"), frozenset({VANISH}), nodes=1, crash=True),
        13_000,
    ),
    "a person disabled and enabled again": (Scenario(("disable", "enable", "later login"), nodes=1, logins=3), 5_000),
    "groups, and a person disabled and enabled again": (
        Scenario(("groups", "disable", "enable", "later login"), nodes=1, logins=3),
        70_000,
    ),
    "the end of two logins": (Scenario(("end all",), frozenset({VANISH}), logins=2, crash=True), 30_000),
    "the end of two logins, one fault": (
        Scenario(("end all",), frozenset({FAILOVER}), nodes=1, logins=2, crash=True),
        10_000,
    ),
    "the end of one of two logins": (
        Scenario(("end one", "end others"), frozenset({VANISH}), nodes=1, logins=2, crash=True),
        11_000,
    ),
    "the end of one of two logins, one fault": (
        Scenario(("end one", "end others"), frozenset({FAILOVER}), nodes=1, logins=2, crash=True),
        50_000,
    ),
    "a login while its password is changed": (Scenario(("login", "password"), frozenset({VANISH}), crash=True), 3_000),
    "a new password, and a login with it": (Scenario(("password", "later login"), nodes=1, logins=3), 1_000),
    "groups, a new password, and a login with it": (
        Scenario(("groups", "password", "later login"), nodes=1, logins=3),
        18_000,
    ),
    "a logout without Postgres": (Scenario(("logout", "rotation", "completion"), frozenset({POSTGRES})), 15_000),
    "a logout without Postgres, memory full": (
        Scenario(("logout", "completion"), frozenset({POSTGRES, VANISH})),
        8_000,
    ),
    "a logout without Postgres, and Redis emptied": (
        Scenario(("logout, lost", "completion"), frozenset({POSTGRES, FLUSH}), 2),
        7_000,
    ),
}


def is_large(name: str) -> bool:
    """Nine have three quarters of all states."""
    return SCENARIOS[name][1] >= _LARGE


def is_sampled(name: str) -> bool:
    return is_large(name) and not EXHAUSTIVE


@cache
def explored(name: str) -> Explored:
    """Once, however many tests look at it."""
    return explore(SCENARIOS[name][0], ALL, sample=SAMPLE if is_sampled(name) else 0)


def told(found: Explored) -> str:
    return "\n".join((f"{found.broken}, after", *found.trace))

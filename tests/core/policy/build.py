"""Owns how the tests of policy come by a policy."""

from ipaddress import ip_address
from typing import Final

import pytest

from gateway.core.assurance.model import OTP, PWD, Assurance
from gateway.core.policy.compile import Policy, PolicyRejected, Site, compile_policy
from gateway.core.policy.model import Actor, Facts, Refused, Routed, Verdict

NOW: Final = 1_795_000_000
SITE: Final = Site("auth.t.example")
HOST: Final = "a.t.example"


def policy_of(text: str) -> Policy:
    return compile_policy({"p.yaml": text}, SITE)


def app(settings: str) -> Policy:
    """A policy with the one app `a`, from its settings in flow style."""
    return policy_of(f"apps: {{a: {{hosts: {HOST}, {settings}}}}}")


def routed(policy: Policy, path: str, method: str = "GET", host: str = HOST) -> Routed:
    found = policy.find(host, method, path)
    assert isinstance(found, Routed), found
    return found


def refused(policy: Policy, path: str, method: str = "GET", host: str = HOST) -> Refused:
    found = policy.find(host, method, path)
    assert isinstance(found, Refused), found.route.name
    return found


def who(*groups: str, user: str = "ada", since_s: int = 0, mfa_s: int | None = None) -> Actor:
    return Actor(user, frozenset(groups), Assurance(NOW - since_s, 0 if mfa_s is None else NOW - mfa_s, PWD | OTP))


def judged(
    policy: Policy, path: str, person: Actor | None = None, address: str | None = "203.0.113.9", now: int = NOW
) -> Verdict:
    found = routed(policy, path)
    return found.route.judge(Facts(person, ip_address(address) if address else None, now, found.captures))


def mistakes(text: str) -> list[str]:
    """`line:column: message` of each mistake."""
    with pytest.raises(PolicyRejected) as rejected:
        policy_of(text)
    return [f"{one.line}:{one.column}: {one.message}" for one in rejected.value.problems]

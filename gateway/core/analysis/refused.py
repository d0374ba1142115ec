"""Judges a refused request once more, from what was kept of it (core/forward/refused_facts.py)."""

from collections.abc import Mapping

from gateway.core.addresses import read_address
from gateway.core.analysis.simulate import Asked
from gateway.core.assurance.model import NO_PROOF, Assurance
from gateway.core.forward.refused_facts import LIST_END
from gateway.core.policy.facts import Actor

_HEADERS = {"origin": "origin", "site": "sec-fetch-site", "preflight": "access-control-request-method"}


def asked_of(facts: Mapping[str, str], person: Actor | None, now: int) -> Asked:
    """The request as person would send it. now: Unix seconds."""
    address = facts.get("address", "")
    return Asked(
        method=facts["method"],
        host=facts["host"],
        target=facts["path"],
        person=person,
        address=read_address(address) if address else None,
        now=now,
        headers={name: facts[fact] for fact, name in _HEADERS.items() if fact in facts},
        kind=facts["kind"],
    )


def actor_of(facts: Mapping[str, str]) -> Actor | None:
    """As whom policy judged it. None: as nobody, or nobody had asked yet."""
    if "user" not in facts:
        return None
    proven = Assurance(*(int(facts[name]) for name in ("authenticated_at", "mfa_at", "amr", "risk")))
    return Actor(
        facts["user"],
        _set(facts, "groups"),
        proven,
        facts["credential"],
        facts.get("client", ""),
        _set(facts, "scopes"),
        dpop="dpop" in facts,
    )


def actor_with(then: Actor | None, user: str, groups: frozenset[str]) -> Actor:
    """The person with the name and the groups of today, and what they had proven then."""
    if then is None:
        return Actor(user, groups, NO_PROOF)
    return Actor(user, groups, then.assurance, then.credential, then.client, then.scopes, then.dpop)


def _set(facts: Mapping[str, str], name: str) -> frozenset[str]:
    return frozenset(facts[name].split(LIST_END)) if name in facts else frozenset()

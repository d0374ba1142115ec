"""Decides what a person would have to prove to meet a need, by trying: nobody is asked for what doesn't help."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Final, Literal

from gateway.core.assurance.model import HWK, OTP, PWD, RECOVERY, SWK, USER, Assurance
from gateway.core.assurance.need import Need, met


@dataclass(frozen=True, slots=True)
class FactorProof:
    """One thing that a person can show. amr: what it adds. first, second: which of the two times it moves."""

    name: Literal["password", "totp", "recovery_code", "passkey"]
    amr: int
    first: bool
    second: bool


PASSWORD: Final = FactorProof("password", PWD, first=True, second=False)
TOTP: Final = FactorProof("totp", OTP, first=False, second=True)
RECOVERY_CODE: Final = FactorProof("recovery_code", RECOVERY, first=False, second=True)


def passkey(*, device_bound: bool, verified: bool) -> FactorProof:
    """verified: the authenticator asks who it is, so that the passkey is both factors."""
    return FactorProof(
        "passkey", (HWK if device_bound else SWK) | (USER if verified else 0), first=verified, second=True
    )


_CAN_BE_ENROLLED: Final = (
    PASSWORD,
    TOTP,
    passkey(device_bound=False, verified=True),
    passkey(device_bound=True, verified=True),
)


@dataclass(frozen=True, slots=True)
class Steps:
    """ways: any one of them suffices, and none holds more than it needs; an empty one: nothing is missing."""

    ways: tuple[frozenset[FactorProof], ...]


@dataclass(frozen=True, slots=True)
class Unmeetable:
    """missing: the fewest proofs that the person would have to enrol; empty: nobody can meet it here."""

    missing: frozenset[FactorProof]


def proven(assurance: Assurance, proof: FactorProof, now: int) -> Assurance:
    """What a secret has after one more proof in the same login: later times, more methods."""
    return Assurance(
        now if proof.first else assurance.authenticated_at,
        now if proof.second else assurance.mfa_at,
        assurance.amr | proof.amr,
        assurance.risk,
    )


def steps(need: Need, assurance: Assurance, factors: Collection[FactorProof], now: int) -> Steps | Unmeetable:
    """factors: all that the person could prove, the password too. assurance: model.NO_PROOF before the login.

    Pure and total. What it asks meets the need at the time of the proof.
    """
    ways = _ways(need, assurance, factors, now)
    if ways:
        return Steps(ways)
    more = [proof for proof in _CAN_BE_ENROLLED if proof not in factors]
    for missing in _subsets(more):
        if _ways(need, assurance, {*factors, *missing}, now):
            return Unmeetable(missing)
    return Unmeetable(frozenset())


def _ways(
    need: Need, assurance: Assurance, factors: Collection[FactorProof], now: int
) -> tuple[frozenset[FactorProof], ...]:
    proven_at = max(now, need.since)  # nobody proves anything before now, whichever node's clock is behind
    ways: list[frozenset[FactorProof]] = []
    for some in _subsets(factors):
        if any(way <= some for way in ways):
            continue
        then = assurance
        for proof in some:
            then = proven(then, proof, proven_at)
        if then.authenticated_at and met(need, then, proven_at):
            ways.append(some)
    return tuple(ways)


def _subsets(proofs: Collection[FactorProof]) -> Iterator[frozenset[FactorProof]]:
    """The smallest first, in the order given."""
    for size in range(len(proofs) + 1):
        for some in combinations(proofs, size):
            yield frozenset(some)

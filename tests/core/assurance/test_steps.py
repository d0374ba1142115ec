"""The steps that meet a need: each combination of factors and proofs, and nobody goes in circles."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.assurance.model import ACRS, NO_PROOF, OTP, PWD, Assurance
from gateway.core.assurance.need import Need, met, read_need
from gateway.core.assurance.steps import (
    PASSWORD,
    RECOVERY_CODE,
    TOTP,
    FactorProof,
    Steps,
    Unmeetable,
    passkey,
    proven,
    steps,
)

NOW = 1_800_000_000
BOUND_UV, BOUND = passkey(device_bound=True, verified=True), passkey(device_bound=True, verified=False)
SYNCED_UV, SYNCED = passkey(device_bound=False, verified=True), passkey(device_bound=False, verified=False)
ALL = (PASSWORD, TOTP, RECOVERY_CODE, BOUND_UV, BOUND, SYNCED_UV, SYNCED)
WITH_TOTP = (PASSWORD, TOTP, RECOVERY_CODE)
OLD_PASSWORD = Assurance(NOW - 3600, 0, PWD)
OLD_TOTP = Assurance(NOW - 3600, NOW - 3600, PWD | OTP)

needs = st.builds(
    Need,
    mfa=st.booleans(),
    acr=st.sampled_from(["", *ACRS]),
    within_s=st.sampled_from([0, 1, 600, 999_999_999]),
    since=st.sampled_from([0, NOW - 60, NOW, NOW + 60]),
    amr=st.integers(0, 31),
    known=st.sampled_from([True, True, True, False]),
)
times = st.one_of(st.just(0), st.integers(NOW - 1200, NOW))
assurances = st.builds(Assurance, times, times, st.integers(0, 63))
enrolled = st.sets(st.sampled_from(ALL))


def ways(*each: Iterable[FactorProof]) -> Steps:
    return Steps(tuple(frozenset(one) for one in each))


def after(assurance: Assurance, proofs: Iterable[FactorProof], at: int) -> Assurance:
    for proof in proofs:
        assurance = proven(assurance, proof, at)
    return assurance


@pytest.mark.parametrize(
    ("need", "assurance", "factors", "asked"),
    [
        ("", NO_PROOF, WITH_TOTP, ways([PASSWORD])),
        ("", OLD_PASSWORD, WITH_TOTP, ways([])),
        ("", NO_PROOF, (*WITH_TOTP, BOUND_UV), ways([PASSWORD], [BOUND_UV])),
        ("mfa", OLD_PASSWORD, WITH_TOTP, ways([TOTP], [RECOVERY_CODE])),
        ("mfa", OLD_TOTP, WITH_TOTP, ways([])),
        ("mfa;within=600", OLD_TOTP, WITH_TOTP, ways([PASSWORD, TOTP], [PASSWORD, RECOVERY_CODE])),
        ("mfa;within=600", OLD_PASSWORD, (PASSWORD, BOUND_UV), ways([BOUND_UV])),
        ("mfa;within=600", Assurance(NOW, NOW - 3600, PWD | OTP), WITH_TOTP, ways([TOTP], [RECOVERY_CODE])),
        ("mfa;within=600", Assurance(NOW - 3600, NOW, PWD | OTP), WITH_TOTP, ways([PASSWORD])),
        ("within=600", OLD_PASSWORD, WITH_TOTP, ways([PASSWORD])),
        ("within=600", OLD_PASSWORD, (PASSWORD, BOUND), ways([PASSWORD])),
        ("acr=phr", OLD_TOTP, (*WITH_TOTP, BOUND), ways([BOUND])),
        ("amr=4", OLD_TOTP, (*WITH_TOTP, SYNCED, BOUND), ways([BOUND])),
        ("amr=20", OLD_TOTP, (*WITH_TOTP, BOUND, BOUND_UV), ways([BOUND_UV])),
        ("amr=6", OLD_PASSWORD, (*WITH_TOTP, BOUND), ways([TOTP, BOUND], [RECOVERY_CODE, BOUND])),
        ("amr=1", Assurance(NOW, NOW, 20), (PASSWORD, BOUND_UV), ways([PASSWORD])),
        ("since=1800000001", OLD_PASSWORD, WITH_TOTP, ways([PASSWORD])),
        ("mfa", OLD_PASSWORD, (PASSWORD,), Unmeetable(frozenset({TOTP}))),
        ("acr=phr", OLD_TOTP, WITH_TOTP, Unmeetable(frozenset({SYNCED_UV}))),
        ("amr=4", OLD_TOTP, (*WITH_TOTP, SYNCED_UV), Unmeetable(frozenset({BOUND_UV}))),
        ("amr=6", OLD_PASSWORD, (PASSWORD,), Unmeetable(frozenset({TOTP, BOUND_UV}))),
        ("amr=1", Assurance(NOW, NOW, 20), (BOUND_UV,), Unmeetable(frozenset({PASSWORD}))),
        ("acr=phrh", OLD_TOTP, ALL, Unmeetable(frozenset())),
        ("something new", OLD_TOTP, ALL, Unmeetable(frozenset())),
    ],
)
def test_what_is_missing_is_asked_and_no_more(
    need: str, assurance: Assurance, factors: tuple[FactorProof, ...], asked: Steps | Unmeetable
) -> None:
    assert steps(read_need(need), assurance, factors, NOW) == asked


@given(needs, assurances, enrolled)
def test_what_steps_ask_meets_the_need_or_nothing_would(
    need: Need, assurance: Assurance, factors: set[FactorProof]
) -> None:
    at = max(NOW, need.since)
    found = steps(need, assurance, factors, NOW)

    if isinstance(found, Steps):
        assert found.ways
        assert all(way <= factors for way in found.ways)
        assert all(met(need, after(assurance, way, at), at) for way in found.ways)
        assert all(after(assurance, way, at).authenticated_at for way in found.ways)
    else:
        best = after(assurance, factors, at)
        assert not (best.authenticated_at and met(need, best, at))


@given(needs, assurances, enrolled)
def test_no_way_asks_more_than_it_needs(need: Need, assurance: Assurance, factors: set[FactorProof]) -> None:
    found = steps(need, assurance, factors, NOW)

    for way in found.ways if isinstance(found, Steps) else ():
        for less in (way - {proof} for proof in way):
            then = after(assurance, less, max(NOW, need.since))
            assert not (then.authenticated_at and met(need, then, max(NOW, need.since)))


@given(needs, assurances, enrolled)
def test_what_is_missing_would_make_it_possible(need: Need, assurance: Assurance, factors: set[FactorProof]) -> None:
    found = steps(need, assurance, factors, NOW)

    if isinstance(found, Unmeetable) and found.missing:
        assert isinstance(steps(need, assurance, factors | found.missing, NOW), Steps)


@given(needs, assurances, st.sampled_from(ALL), st.integers(0, 10**6))
def test_a_proof_takes_nothing_away(need: Need, assurance: Assurance, proof: FactorProof, later: int) -> None:
    at = NOW + later

    if met(need, assurance, at):
        assert met(need, proven(assurance, proof, at), at)

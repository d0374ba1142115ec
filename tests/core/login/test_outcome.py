"""What a right password leads to, by what is known of the login."""

from dataclasses import replace
from itertools import product
from typing import Any, Literal

import pytest

from gateway.core.assurance.need import Need
from gateway.core.assurance.steps import RECOVERY_CODE, TOTP, passkey
from gateway.core.login.outcome import (
    AskFactor,
    Blocked,
    Change,
    Confirm,
    Enrol,
    Issue,
    LoginOutcome,
    LoginRules,
    RightPassword,
    outcome,
)

CODES = frozenset({TOTP, RECOVERY_CODE})
SECURITY_KEY = passkey(device_bound=True, verified=False)


def sets_of(found: LoginOutcome) -> set[frozenset[Any]]:
    assert isinstance(found, AskFactor)
    return set(found.ways)


@pytest.mark.parametrize(
    ("facts", "rules", "expected"),
    [
        (RightPassword(), LoginRules(), Issue()),
        (RightPassword(score=39), LoginRules(), Issue()),
        (RightPassword(score=40), LoginRules(), Confirm(by_mail=False)),
        (RightPassword(score=40, can_mail=True), LoginRules(), Confirm(by_mail=True)),
        (RightPassword(score=40, can_mail=True), LoginRules(without_factor="refuse"), Confirm(by_mail=False)),
        (RightPassword(score=40), LoginRules(without_factor="admit"), Issue()),
        (RightPassword(score=40, confirmed=True), LoginRules(), Issue()),
        (RightPassword(score=69, confirmed=True), LoginRules(), Issue()),
        (RightPassword(score=70), LoginRules(), Blocked("risk")),
        (RightPassword(score=70, confirmed=True), LoginRules(), Blocked("risk")),
        (RightPassword(score=70), LoginRules(without_factor="admit"), Blocked("risk")),
        (RightPassword(score=70, released=True), LoginRules(), Issue()),
        (RightPassword(score=25), LoginRules(step_up_at=25, block_at=26), Confirm(by_mail=False)),
        (RightPassword(score=26), LoginRules(step_up_at=25, block_at=26), Blocked("risk")),
        (RightPassword(CODES, score=100, proven=True), LoginRules(), Issue()),
        (RightPassword(CODES), LoginRules(ask="risk"), Issue()),
        (RightPassword(CODES, score=39), LoginRules(ask="risk"), Issue()),
        (RightPassword(need=Need(mfa=True)), LoginRules(), Issue()),
        (RightPassword(breached=True), LoginRules(), Issue()),
        (RightPassword(breached=True, settled=True), LoginRules(breached="change"), Change()),
        (RightPassword(breached=True), LoginRules(breached="change"), Blocked("breached")),
        (RightPassword(breached=True, settled=True), LoginRules(breached="block"), Blocked("breached")),
        (RightPassword(CODES, breached=True), LoginRules(breached="block"), Blocked("breached")),
        (RightPassword(settled=True, score=40, breached=True), LoginRules(breached="change"), Confirm(by_mail=False)),
        (RightPassword(score=40, breached=True, can_mail=True), LoginRules(breached="change"), Blocked("breached")),
        (RightPassword(must_enrol=True), LoginRules(), Enrol()),
        (RightPassword(must_enrol=True, score=40), LoginRules(), Confirm(by_mail=False)),
        (RightPassword(CODES, must_enrol=True, proven=True), LoginRules(), Issue()),
    ],
)
def test_a_right_password_leads_on(facts: RightPassword, rules: LoginRules, expected: LoginOutcome) -> None:
    assert outcome(facts, rules) == expected


@pytest.mark.parametrize(
    ("facts", "rules"),
    [
        (RightPassword(CODES), LoginRules()),
        (RightPassword(CODES, score=100), LoginRules()),
        (RightPassword(CODES, score=100, confirmed=True, released=True), LoginRules()),
        (RightPassword(CODES, score=40), LoginRules(ask="risk")),
        (RightPassword(CODES, need=Need(mfa=True)), LoginRules(ask="risk")),
        (RightPassword(CODES, need=Need(acr="phr")), LoginRules(ask="risk")),
        (RightPassword(CODES, settled=True, breached=True), LoginRules(breached="change")),
    ],
)
def test_an_enrolled_factor_is_asked(facts: RightPassword, rules: LoginRules) -> None:
    assert sets_of(outcome(facts, rules)) == {frozenset({TOTP}), frozenset({RECOVERY_CODE})}


def test_the_factor_that_meets_the_journey_is_asked_alone() -> None:
    facts = RightPassword(CODES | {SECURITY_KEY})

    assert len(sets_of(outcome(facts, LoginRules()))) == 3
    phr = replace(facts, need=Need(acr="phr", within_s=60, since=1_800_000_000))
    assert sets_of(outcome(phr, LoginRules())) == {frozenset({SECURITY_KEY})}


@pytest.mark.parametrize("breached", ["warn", "change", "block"])
def test_nobody_with_a_factor_gets_in_by_any_code_that_is_none(breached: Literal["warn", "change", "block"]) -> None:
    flags = product([False, True], repeat=6)
    for (confirmed, released, can_mail, settled, leaked, must), score in product(flags, (None, 0, 39, 40, 69, 70, 100)):
        facts = RightPassword(
            factors=CODES,
            score=score,
            breached=leaked,
            settled=settled,
            confirmed=confirmed,
            released=released,
            can_mail=can_mail,
            must_enrol=must,
        )

        assert isinstance(outcome(facts, LoginRules(breached=breached)), AskFactor | Blocked)

"""Methods and scores that rules require: each on both sides, and how levels and legs add up."""

import pytest

from gateway.core.assurance.model import HWK, OTP, PWD, SWK, USER, Assurance
from gateway.core.assurance.need import Need
from gateway.core.policy.model import Actor, Allow, StepUp
from gateway.core.policy.route import TOO_RISKY
from tests.core.policy.build import NOW, app, judged


def proven(amr: int, risk: int = 255) -> Actor:
    return Actor("ada", frozenset({"staff"}), Assurance(NOW, NOW, amr, risk))


def test_all_named_methods_have_to_be_proven() -> None:
    policy = app("allow: authenticated, require: {amr: [hwk, user]}")

    assert isinstance(judged(policy, "/", proven(HWK | USER)), Allow)
    for amr in (PWD | OTP, HWK, SWK | USER, 0):
        assert judged(policy, "/", proven(amr)) == StepUp(Need(amr=HWK | USER))


@pytest.mark.parametrize(("risk", "lets_in"), [(0, True), (39, True), (40, False), (100, False), (255, False)])
def test_a_score_has_to_be_known_and_below(risk: int, lets_in: bool) -> None:
    verdict = judged(app("allow: authenticated, require: {risk_below: 40}"), "/", proven(PWD, risk))

    assert isinstance(verdict, Allow) if lets_in else verdict is TOO_RISKY


def test_what_levels_and_legs_require_adds_up() -> None:
    legs = "[{groups: staff, require: {amr: otp, risk_below: 30}}]"
    policy = app(f"allow: {legs}, require: {{amr: pwd, risk_below: 50}}")

    assert isinstance(judged(policy, "/", proven(PWD | OTP, 29)), Allow)
    assert judged(policy, "/", proven(PWD | OTP, 30)) is TOO_RISKY
    assert judged(policy, "/", proven(OTP, 29)) == StepUp(Need(amr=PWD | OTP))


def test_another_way_in_wins_over_a_score_that_is_too_high() -> None:
    policy = app("allow: [{groups: staff, require: {risk_below: 40}}, {users: ada}]")

    assert judged(policy, "/", proven(PWD, 90)) == Allow(identity=True, leg="leg 2")

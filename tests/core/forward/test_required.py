"""Methods and a low score that a route requires: what a browser and a script hear."""

import pytest

from gateway.core.assurance.model import HWK, UNKNOWN_RISK, USER
from gateway.core.assurance.need import Need, read_need
from gateway.core.forward.respond import leaving_label
from gateway.core.policy.route import DENIED_BY_RULE, NOT_AMONG_THEM, TOO_RISKY
from gateway.core.session.journey import unseal_journey
from tests.core.forward.setting import KEYS, Case, headers_of

NAVIGATION = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document", "sec-fetch-site": "none"}


def test_who_lacks_a_method_is_led_to_where_it_is_asked_for() -> None:
    answer = Case(path="/passkey/x", headers=NAVIGATION).answer()
    journey = unseal_journey(KEYS.journey, headers_of(answer)["Location"].partition("?j=")[2])

    assert (answer.status, answer.outcome) == (302, "step_up")
    assert read_need(journey.need) == Need(within_s=600, amr=HWK | USER)


@pytest.mark.parametrize(("risk", "status"), [(0, 200), (39, 200), (40, 403), (100, 403), (UNKNOWN_RISK, 403)])
def test_a_score_that_is_too_high_or_unknown_is_denied_with_an_offer_to_sign_in_again(risk: int, status: int) -> None:
    answer = Case(path="/usual/x", risk=risk, headers=NAVIGATION).answer()

    assert answer.status == status
    if status == 403:
        assert b"This sign-in looks unusual" in answer.body
        assert b"https://auth.example.org/logout?j=" in answer.body
        assert (answer.outcome, answer.reason) == ("deny", "the risk score of the login is too high, or not known")


def test_a_script_with_too_high_a_score_gets_no_challenge() -> None:
    answer = Case(path="/usual/x", risk=40).answer()

    assert (answer.status, headers_of(answer).get("WWW-Authenticate")) == (403, None)


def test_a_script_that_lacks_a_passkey_is_told_by_which_acr_it_gets_in() -> None:
    """RFC 9470 section 3."""
    answer = Case(path="/passkey/x").answer()

    asked = 'Bastion realm="wiki.example.org", error="insufficient_user_authentication"'
    assert (answer.status, answer.outcome) == (401, "step_up")
    assert headers_of(answer)["WWW-Authenticate"] == f'{asked}, max_age=600, acr_values="phr"'


def test_only_a_high_score_is_mended_by_signing_in_again() -> None:
    assert leaving_label(TOO_RISKY.reason) == "Sign in again"
    assert leaving_label(DENIED_BY_RULE.reason) == leaving_label(NOT_AMONG_THEM.reason) == "Use another account"

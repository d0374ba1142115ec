"""Settings of an emergency: what is stored is what is in force, and what can't be read fails closed."""

import pytest

from gateway.core.admin.acts import AdminAct
from gateway.core.admin.emergency import (
    NO_EMERGENCY,
    BadEmergency,
    InForce,
    Measure,
    check_words,
    closing_value,
    emergency_of,
    key_of,
    value_of,
)
from gateway.core.policy.overlay import ClosedApp, Overlay

WIKI = ClosedApp("wiki", ("a.example",), ("files",), "Back “soon”.")


def test_what_is_stored_is_in_force() -> None:
    stored = {
        "limits.AUTH.LOGIN": ("20/min;burst=9", None),
        key_of(Measure.CLOSE, "wiki"): (closing_value(WIKI), 7),
        key_of(Measure.REQUIRE_MFA): (value_of(Measure.REQUIRE_MFA), None),
        key_of(Measure.STOP_LOGINS): (value_of(Measure.STOP_LOGINS), None),
        key_of(Measure.END_SESSIONS, "3"): (value_of(Measure.END_SESSIONS, closes=True), None),
    }

    found = emergency_of(stored)

    assert found.overlay == Overlay((WIKI,), closes_all=True, require_mfa=True)
    assert [one.key for one in found.in_force] == [*stored][1:]
    assert found.in_force[0] == InForce(Measure.CLOSE, "wiki", 7)
    assert found.trouble == ()


def test_sessions_may_end_while_apps_stay_open() -> None:
    key = key_of(Measure.END_SESSIONS, "3")

    assert not emergency_of({key: (value_of(Measure.END_SESSIONS), None)}).overlay.closes_all


@pytest.mark.parametrize("value", ["", "[]", "{}", '{"hosts": 3, "beside": [], "words": ""}', "\x00"])
def test_a_closed_app_whose_value_cant_be_read_is_closed_by_its_name(value: str) -> None:
    found = emergency_of({key_of(Measure.CLOSE, "wiki"): (value, None)})

    assert found.overlay.closed == (ClosedApp("wiki"),)


def test_what_this_version_does_not_know_is_said() -> None:
    found = emergency_of({"emergency.freeze": ("on", None)})

    assert found.in_force == NO_EMERGENCY.in_force
    assert found.trouble == ("emergency.freeze: this version knows no such emergency",)


@pytest.mark.parametrize("words", ["a" * 301, "two\nlines", "\N{RIGHT-TO-LEFT OVERRIDE}x"])
def test_words_for_visitors_are_one_line(words: str) -> None:
    check_words("")
    check_words("Back at noon.")
    with pytest.raises(BadEmergency):
        check_words(words)


def test_owners_alone_do_what_concerns_everybody() -> None:
    assert {one: one.act for one in Measure} == {
        Measure.CLOSE: AdminAct.EMERGENCY,
        Measure.STOP_LOGINS: AdminAct.EMERGENCY,
        Measure.REQUIRE_MFA: AdminAct.EMERGENCY_OF_ALL,
        Measure.END_SESSIONS: AdminAct.EMERGENCY_OF_ALL,
    }

"""Who may change factors, password or address, or make what outlasts a login: the rule table (login-defence.md 1)."""

from itertools import product
from typing import Final

import pytest

from gateway.core.assurance.change import FRESH, FRESH_WITH_FACTOR, CodeNeeded, Lacking, LoginStanding, lacking
from gateway.core.assurance.model import HWK, OTP, PWD, USER, Assurance
from gateway.core.risk.device import is_settled

NOW: Final = 1_800_000_000
DAY_S: Final = 86_400
FRESH_PASSWORD, OLD_PASSWORD = Assurance(NOW - 600, 0, PWD), Assurance(NOW - 601, 0, PWD)
BOTH = Assurance(NOW - 600, NOW - 600, PWD | OTP)
CODE = CodeNeeded()

# assurance, has a factor, the device is settled, a code confirmed the login: what is lacking
TABLE: Final[dict[str, tuple[Assurance, bool, bool, bool, Lacking | None]]] = {
    "no factor, strange device": (FRESH_PASSWORD, False, False, False, CODE),
    "no factor, settled device": (FRESH_PASSWORD, False, True, False, None),
    "no factor, a code": (FRESH_PASSWORD, False, False, True, None),
    "no factor, both": (FRESH_PASSWORD, False, True, True, None),
    "no factor, old login, strange device": (OLD_PASSWORD, False, False, False, FRESH),
    "no factor, old login, settled device": (OLD_PASSWORD, False, True, False, FRESH),
    "no factor, old login, a code": (OLD_PASSWORD, False, False, True, FRESH),
    "factor, not proven": (FRESH_PASSWORD, True, False, False, FRESH_WITH_FACTOR),
    "factor, not proven, settled device": (FRESH_PASSWORD, True, True, False, FRESH_WITH_FACTOR),
    "factor, not proven, a code": (FRESH_PASSWORD, True, False, True, FRESH_WITH_FACTOR),
    "factor, not proven, both": (FRESH_PASSWORD, True, True, True, FRESH_WITH_FACTOR),
    "factor, proven on a strange device": (BOTH, True, False, False, None),
    "factor, proven on a settled device": (BOTH, True, True, True, None),
    "factor, proven too long ago": (Assurance(NOW, NOW - 601, PWD | OTP), True, True, True, FRESH_WITH_FACTOR),
    "factor proven, password too long ago": (Assurance(NOW - 601, NOW, PWD | OTP), True, True, True, FRESH_WITH_FACTOR),
    "passkey alone": (Assurance(NOW, NOW, HWK | USER), True, False, False, None),
}


@pytest.mark.parametrize(("assurance", "factor", "settled", "confirmed", "expected"), TABLE.values(), ids=list(TABLE))
def test_the_rule_table(
    assurance: Assurance, *, factor: bool, settled: bool, confirmed: bool, expected: Lacking | None
) -> None:
    assert lacking(LoginStanding(assurance, factor, settled, confirmed), NOW) == expected


def test_no_device_and_no_code_stands_in_for_a_factor() -> None:
    for settled, confirmed, age in product([False, True], [False, True], [0, 600, 601]):
        assert lacking(LoginStanding(Assurance(NOW - age, 0, PWD), True, settled, confirmed), NOW) == FRESH_WITH_FACTOR


@pytest.mark.parametrize(
    ("age_s", "logins", "expected"),
    [
        (7 * DAY_S, 2, True),
        (7 * DAY_S - 1, 2, False),
        (7 * DAY_S, 1, False),
        (400 * DAY_S, 1, False),
        (0, 100, False),
    ],
)
def test_a_device_settles_after_seven_days_and_two_logins(age_s: int, logins: int, *, expected: bool) -> None:
    assert is_settled(NOW - age_s, logins, NOW) is expected

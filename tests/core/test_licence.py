"""A licence is what one of the given keys has signed as such, and its state is a matter of dates."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.audit.checkpoint import Checkpoint, sign
from gateway.core.audit.statement import signed
from gateway.core.base64url import b64
from gateway.core.licence import GRACE_S, BadLicence, Licence, LicenceState, issue, public_keys_of, read, state_of

KEY, OTHER = (Ed25519PrivateKey.from_private_bytes(bytes([one]) * 32) for one in (1, 2))
KEYS = public_keys_of([b64(KEY.public_key().public_bytes_raw())])
LICENCE = Licence("Example plc", 500, 1_000, 2_000)
CLAIMS = {"holder": "Example plc", "people": 500, "begins_at": 1_000, "ends_at": 2_000}


def test_what_was_issued_is_read() -> None:
    assert read(issue(KEY, LICENCE) + "\n", KEYS) == LICENCE


@pytest.mark.parametrize(
    "text",
    [
        "", "a.b.c", issue(OTHER, LICENCE), issue(KEY, LICENCE)[:-2], sign(KEY, Checkpoint(1, 1, 1, bytes(32))),
        *(signed(KEY, "bastion-licence+jws", CLAIMS | change) for change in (
            {"holder": ""}, {"holder": 5}, {"holder": "a\nb"}, {"people": "500"}, {"people": True}, {"people": -1},
            {"ends_at": 1 << 50}, {"begins_at": None},
        )),
        signed(KEY, "bastion-licence+jws", {}), signed(KEY, "JWT", CLAIMS),
    ],
)  # fmt: skip
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(BadLicence):
        read(text, KEYS)


@given(st.text())
def test_no_text_ends_in_another_error(text: str) -> None:
    with pytest.raises(BadLicence):
        read(text, KEYS)


@pytest.mark.parametrize(
    ("now", "state"),
    [
        (999, LicenceState.NOT_YET), (1_000, LicenceState.VALID), (1_999, LicenceState.VALID),
        (2_000, LicenceState.GRACE), (2_000 + GRACE_S - 1, LicenceState.GRACE), (2_000 + GRACE_S, LicenceState.EXPIRED),
    ],
)  # fmt: skip
def test_the_state_follows_the_dates(now: int, state: LicenceState) -> None:
    assert state_of(LICENCE, now, 0) is state


def test_nobody_can_say_where_the_log_is_a_day_ahead() -> None:
    assert state_of(LICENCE, 1_500, 1_500 + 86_400) is LicenceState.CLOCK_BEHIND
    assert state_of(LICENCE, 1_500, 1_500 + 86_399) is LicenceState.VALID

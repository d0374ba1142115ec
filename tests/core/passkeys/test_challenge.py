"""Where a challenge holds, and for how long."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.passkeys.challenge import Binding, ChallengePurpose, claim_of, make_challenge

NOW = 1_800_000_000
KEY = b"k" * 32
NONCE = b"n" * 16
BINDING = Binding(ChallengePurpose.ENROL, "browser", "login")


def test_a_challenge_holds_where_it_was_made_for() -> None:
    challenge = make_challenge(KEY, BINDING, NONCE, NOW)

    claim = claim_of(KEY, BINDING, challenge, NOW)

    assert claim is not None
    assert len(claim.hash) == 32
    assert claim.until == NOW + 600


@pytest.mark.parametrize(
    "other",
    [
        replace(BINDING, purpose=ChallengePurpose.SIGN_IN),
        replace(BINDING, purpose=ChallengePurpose.SECOND),
        replace(BINDING, browser="other"),
        replace(BINDING, login="other"),
        replace(BINDING, login=""),
        Binding(ChallengePurpose.ENROL, "browserlogin"),
        Binding(ChallengePurpose.ENROL, "browse", "rlogin"),
    ],
)
def test_it_holds_nowhere_else(other: Binding) -> None:
    challenge = make_challenge(KEY, BINDING, NONCE, NOW)

    assert claim_of(KEY, other, challenge, NOW) is None


@pytest.mark.parametrize(
    ("purpose", "life_s"),
    [(ChallengePurpose.SIGN_IN, 3600), (ChallengePurpose.SECOND, 600), (ChallengePurpose.ENROL, 600)],
)
def test_it_lives_to_its_last_second(purpose: ChallengePurpose, life_s: int) -> None:
    binding = Binding(purpose, "browser")
    challenge = make_challenge(KEY, binding, NONCE, NOW)

    assert claim_of(KEY, binding, challenge, NOW + life_s) is not None
    assert claim_of(KEY, binding, challenge, NOW + life_s + 1) is None
    assert claim_of(KEY, binding, challenge, NOW - 60) is not None
    assert claim_of(KEY, binding, challenge, NOW - 61) is None


def test_another_key_makes_none_of_ours() -> None:
    assert claim_of(b"x" * 32, BINDING, make_challenge(KEY, BINDING, NONCE, NOW), NOW) is None


def test_each_nonce_is_claimed_apart() -> None:
    claims = {claim_of(KEY, BINDING, make_challenge(KEY, BINDING, bytes([one]) * 16, NOW), NOW) for one in range(3)}

    assert None not in claims
    assert len(claims) == 3


@given(st.binary(max_size=80), st.integers(0, 35))
def test_no_other_bytes_are_a_challenge(found: bytes, place: int) -> None:
    challenge = make_challenge(KEY, BINDING, NONCE, NOW)
    changed = challenge[:place] + bytes([challenge[place] ^ 1]) + challenge[place + 1 :]

    for wrong in (found, changed, challenge[:-1], challenge + b"0", challenge + found, b""):
        assert wrong == challenge or claim_of(KEY, BINDING, wrong, NOW) is None
